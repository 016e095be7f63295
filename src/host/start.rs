//! The start sequence: check, launch, read the line, connect. What fails after the launch ends the process.

use super::{
    Client, ClientBuilder,
    client::{Ending, Hooks, Running},
    give_up::{give_up, give_up_connected},
    options::CONNECT_TIMEOUT,
    reattach::reattach,
    source::{Launched, Program, Source},
    transport::{ConnectOptions, Transport},
    version,
};
use crate::{
    Address, AttachedRunner, Error, ErrorKind, HandshakeLine, PluginSet, Result, Runner, StdioConnection,
    calls::{Calls, Target},
    handshake::Offer,
    process::{FirstLine, HostEnv, KillLimits, Started},
};
use std::{collections::BTreeMap, sync::Arc};
use tracing::debug;

/// How much of a line that is none is quoted, in bytes.
const QUOTED: usize = 100;

pub(super) async fn start(builder: ClientBuilder) -> Result<Client> {
    #[cfg(feature = "metrics")]
    let launching = super::metrics::Launching::begin(&builder);
    let started = launch(builder).await;
    #[cfg(feature = "metrics")]
    if let Some(launching) = launching {
        launching.end(&started);
    }
    started
}

async fn launch(mut builder: ClientBuilder) -> Result<Client> {
    builder.handshake.check()?;
    if builder.allowed.is_empty() {
        return Err(Error::misuse("no protocol is allowed: give `allowed_protocols` at least one"));
    }
    let source = match (builder.command.take(), builder.reattach.take(), builder.runner.take()) {
        (None, Some(how), None) => return reattach(builder, how).await,
        (Some(command), None, None) => Source::Command(command),
        (None, None, Some(make)) => Source::Runner(make),
        _ => return Err(Error::misuse("exactly one of Cmd, or Reattach, or RunnerFunc must be set")),
    };
    if builder.stdio == Some(StdioConnection::Required) && !builder.end_with_host {
        return Err(Error::misuse(
            "a plugin whose standard input and output are the connection ends with it: `connect_over_stdio` does not go with `outlives_host`",
        ));
    }
    let sets = offered_sets(std::mem::take(&mut builder.sets))?;
    let tls = std::mem::take(&mut builder.tls).prepare()?;
    let versions: Vec<u32> = sets.keys().copied().collect();
    let host_env = HostEnv {
        cookie: (builder.handshake.key, builder.handshake.value),
        ports: builder.ports,
        versions: &versions,
        multiplex: builder.multiplex_grpc,
        client_cert: tls.client_cert(),
        stdio: builder.stdio,
        ..HostEnv::default()
    };
    let Launched { name, started, program, runner } = source.launch(&mut builder, &host_env).await?;
    let Started { process, stdout, last_words, stdio } = started;
    debug!(plugin = name, id = process.runner_id(), "plugin started");

    let limits = KillLimits { terminate: builder.terminate, ..KillLimits::default() };
    let offer = Offer {
        versions: &versions,
        protocols: &builder.allowed,
        multiplex: builder.multiplex_grpc,
        stdio: builder.stdio,
    };
    debug!(plugin = name, "waiting for RPC address");
    let first_line = stdout.first_line(builder.start_timeout).await;
    let line = match handshake_line(&first_line, &offer).and_then(|line| reachable(line, runner.as_deref())) {
        Ok(line) => line,
        Err(error) => {
            drop(stdio); // a plugin that connects there ends by this
            if matches!(first_line, FirstLine::Exited(_)) {
                process.heard_out().await; // standard error ends on its own, maybe after standard output
            }
            let error = explain(error, &last_words.text(), &program).await;
            return Err(give_up(process, &name, said(&first_line), &tls, error).await);
        }
    };
    let security = match tls.security(&name, &line) {
        Ok(security) => security,
        Err(error) => {
            drop(stdio);
            return Err(give_up(process, &name, Some(line), &tls, error).await);
        }
    };
    if let Some(path) = line.address.as_unix() {
        process.owns_socket(path);
    }
    let target = Target::process(process.exit());
    let runner = runner.map(|runner| runner as Arc<dyn AttachedRunner>);
    let mut connect_options = connect_options(&mut builder, &line.address, target.clone(), runner);
    if line.address == Address::Stdio
        && let Some(stdio) = stdio
    {
        connect_options.stdio = stdio.take().await;
    }
    match Transport::connect(&line, security, connect_options).await {
        Ok(transport) => {
            if let Err(error) = version::check(&transport, &name, builder.required_version.as_ref()).await {
                return Err(give_up_connected(process, transport, error).await);
            }
            debug!(plugin = name, version = line.version, protocol = %line.protocol, "using plugin");
            // The version is one of the offered ones.
            let plugins = sets.get(&line.version).cloned().unwrap_or_default();
            let calls = Calls { plugin: Some(name.as_str().into()), target, ..builder.calls };
            let ending = Ending::new(process, limits, false);
            let hooks = Hooks { on_exit: builder.on_exit.take(), managed: builder.managed };
            Ok(Client::new(
                Running { name, line, plugins, transport, calls, ending, reattached: None },
                hooks,
            ))
        }
        // It does not answer, so there is no way to ask it.
        Err(error) => Err(give_up(process, &name, None, &tls, error).await),
    }
}

/// What the builder says about the connection; takes the writers out of it.
pub(super) fn connect_options(
    builder: &mut ClientBuilder,
    address: &Address,
    target: Target,
    runner: Option<Arc<dyn AttachedRunner>>,
) -> ConnectOptions {
    let _ = (address, &runner); // without gRPC there are no brokered addresses
    ConnectOptions {
        stdout: builder.stdout.take().unwrap_or_else(|| Box::new(tokio::io::sink())),
        stderr: builder.stderr.take().unwrap_or_else(|| Box::new(tokio::io::sink())),
        limit: CONNECT_TIMEOUT,
        target,
        stdio: None,
        #[cfg(feature = "netrpc")]
        record: builder.record.take(),
        #[cfg(feature = "grpc")]
        grpc_message_limit: builder.grpc_message_limit,
        #[cfg(feature = "grpc")]
        multiplex_grpc: builder.multiplex_grpc,
        #[cfg(feature = "grpc")]
        sockets: crate::grpc::Sockets::configured(builder.sockets.clone(), address).translated(runner),
    }
}

/// The line with the address that this host can reach.
fn reachable(line: HandshakeLine, runner: Option<&dyn Runner>) -> Result<HandshakeLine> {
    match runner {
        Some(runner) => Ok(HandshakeLine { address: runner.plugin_to_host(line.address)?, ..line }),
        None => Ok(line),
    }
}

/// The line of a plugin that is fine in itself.
fn said(first: &FirstLine) -> Option<HandshakeLine> {
    match first {
        FirstLine::Line(line) => String::from_utf8_lossy(line).parse().ok(),
        _ => None,
    }
}

pub(super) fn offered_sets(sets: BTreeMap<u32, PluginSet>) -> Result<BTreeMap<u32, PluginSet>> {
    if sets.values().all(PluginSet::is_empty) {
        return Err(Error::misuse(
            "no plugin is registered: add what is to be dispensed with `plugin` or `version`",
        ));
    }
    Ok(sets)
}

fn handshake_line(first: &FirstLine, offer: &Offer<'_>) -> Result<HandshakeLine> {
    match first {
        FirstLine::Line(line) => HandshakeLine::parse(&String::from_utf8_lossy(line), offer),
        FirstLine::TooLong(start) => {
            let start = String::from_utf8_lossy(&start[..start.len().min(QUOTED)]);
            let text = format!("Unrecognized remote plugin message: {start} … (a line without an end)");
            Err(Error::new(ErrorKind::BadHandshake, text))
        }
        // An empty line is how the parser sees it, and Go.
        FirstLine::Closed => HandshakeLine::parse("", offer),
        FirstLine::Exited(exit) => {
            let text = format!("plugin exited before we could connect: {exit}");
            Err(Error::new(ErrorKind::ExitedBeforeHandshake, text).with_status(exit.status))
        }
        FirstLine::TimedOut => {
            Err(Error::new(ErrorKind::StartTimeout, "timeout while waiting for plugin to start"))
        }
    }
}

/// Adds what helps to find out why a program did not behave like a plugin: what it said on standard error, and what its
/// file looks like, or its runner knows.
async fn explain(error: Error, last_words: &str, program: &Program) -> Error {
    if !matches!(
        error.kind(),
        ErrorKind::BadHandshake | ErrorKind::ExitedBeforeHandshake | ErrorKind::StartTimeout
    ) {
        return error;
    }
    let said = match last_words.trim() {
        "" => String::new(),
        words => format!("\nIts last words on standard error:\n{words}\n"),
    };
    let text = format!("{error}\n{said}\n{}", program.diagnose().await);
    Error::new(error.kind(), text).with_status(error.exit_status())
}
