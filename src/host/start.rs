//! The start sequence: check, launch, read the line, connect. What fails after the launch ends the process.

use super::{
    Client, ClientBuilder,
    client::{Ending, Running},
    give_up::give_up,
    options::CONNECT_TIMEOUT,
    transport::{ConnectOptions, Transport},
};
use crate::{
    Error, ErrorKind, HandshakeLine, PluginSet, Result,
    calls::Calls,
    handshake::Offer,
    logs::PluginLog,
    process::{FirstLine, HostEnv, KillLimits, Launch, Started, diagnose},
};
use std::{collections::BTreeMap, ffi::OsStr};
use tracing::debug;

/// How much of a line that is none is quoted, in bytes.
const QUOTED: usize = 100;

pub(super) async fn start(builder: ClientBuilder) -> Result<Client> {
    builder.handshake.check()?;
    let sets = offered_sets(builder.sets)?;
    if builder.allowed.is_empty() {
        return Err(Error::misuse("no protocol is allowed: give `allowed_protocols` at least one"));
    }
    let Some(command) = builder.command else {
        return Err(Error::misuse("exactly one of Cmd, or Reattach, or RunnerFunc must be set"));
    };

    let tls = builder.tls.prepare()?;
    let launch =
        Launch::new(command.0, builder.inherit_env, builder.end_with_host).verified_by(builder.checksum);
    let program = launch.program().to_owned();
    let name = builder.name.unwrap_or_else(|| launch.name());
    let versions: Vec<u32> = sets.keys().copied().collect();
    let host_env = HostEnv {
        cookie: (builder.handshake.key, builder.handshake.value),
        ports: builder.ports,
        versions: &versions,
        multiplex: builder.multiplex_grpc,
        client_cert: tls.client_cert(),
        ..HostEnv::default()
    };
    debug!(plugin = name, ?program, "starting plugin");
    let Started { process, stdout, last_words } =
        launch.start(&host_env, PluginLog::new(&name), builder.raw_stderr).await?;
    debug!(plugin = name, pid = process.id(), "plugin started");

    let limits = KillLimits { terminate: builder.terminate, ..KillLimits::default() };
    let offer = Offer { versions: &versions, protocols: &builder.allowed, multiplex: builder.multiplex_grpc };
    let connect_options = ConnectOptions {
        stdout: builder.stdout.unwrap_or_else(|| Box::new(tokio::io::sink())),
        stderr: builder.stderr.unwrap_or_else(|| Box::new(tokio::io::sink())),
        limit: CONNECT_TIMEOUT,
        #[cfg(feature = "grpc")]
        grpc_message_limit: builder.grpc_message_limit,
        #[cfg(feature = "grpc")]
        multiplex_grpc: builder.multiplex_grpc,
    };
    debug!(plugin = name, "waiting for RPC address");
    let first_line = stdout.first_line(builder.start_timeout).await;
    let line = match handshake_line(&first_line, &offer) {
        Ok(line) => line,
        Err(error) => {
            let error = explain(error, &program, &last_words.text());
            return Err(give_up(process, &name, said(&first_line), &tls, error).await);
        }
    };
    let security = match tls.security(&name, &line) {
        Ok(security) => security,
        Err(error) => return Err(give_up(process, &name, Some(line), &tls, error).await),
    };
    if let Some(path) = line.address.as_unix() {
        process.owns_socket(path);
    }
    match Transport::connect(&line, security, connect_options).await {
        Ok(transport) => {
            debug!(plugin = name, version = line.version, protocol = %line.protocol, "using plugin");
            // The version is one of the offered ones.
            let plugins = sets.get(&line.version).cloned().unwrap_or_default();
            let calls = Calls { plugin: Some(name.as_str().into()), ..builder.calls };
            let ending = Ending::new(process, limits);
            Ok(Client::new(Running { name, line, plugins, transport, calls, ending }))
        }
        // It does not answer, so there is no way to ask it.
        Err(error) => Err(give_up(process, &name, None, &tls, error).await),
    }
}

/// The line of a plugin that is fine in itself.
fn said(first: &FirstLine) -> Option<HandshakeLine> {
    match first {
        FirstLine::Line(line) => String::from_utf8_lossy(line).parse().ok(),
        _ => None,
    }
}

fn offered_sets(sets: BTreeMap<u32, PluginSet>) -> Result<BTreeMap<u32, PluginSet>> {
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
/// file looks like.
fn explain(error: Error, program: &OsStr, last_words: &str) -> Error {
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
    let text = format!("{error}\n{said}\n{}", diagnose(program));
    Error::new(error.kind(), text).with_status(error.exit_status())
}
