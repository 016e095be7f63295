//! Connecting to a plugin that runs already.

use super::{
    Client, ClientBuilder,
    client::{Ending, Hooks, Running},
    options::CONNECT_TIMEOUT,
    start::{connect_options, offered_sets},
    transport::Transport,
    version,
};
use crate::{
    Address, AttachedRunner, Error, ErrorKind, HandshakeLine, PluginSet, ReattachConfig, Result,
    calls::{Calls, Target},
    net::Connection,
    process::{KillLimits, Process},
};
use std::{collections::BTreeMap, fmt, pin::Pin, sync::Arc};
use tracing::debug;

/// How to find the plugin.
pub(super) struct Reattach {
    pub(super) config: ReattachConfig,
    pub(super) find: Option<FindRunner>,
}

type Finding = Pin<Box<dyn Future<Output = Result<Arc<dyn AttachedRunner>>> + Send>>;

/// Go's `ReattachFunc`.
pub(super) type FindRunner = Box<dyn FnOnce() -> Finding + Send>;

impl fmt::Debug for Reattach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reattach").field("config", &self.config).finish_non_exhaustive()
    }
}

pub(super) async fn reattach(mut builder: ClientBuilder, how: Reattach) -> Result<Client> {
    if builder.checksum.is_some() {
        return Err(Error::misuse("only one of Reattach or SecureConfig can be set"));
    }
    if builder.multiplex_grpc {
        return Err(Error::misuse("gRPC broker multiplexing is not supported with Reattach config"));
    }
    if builder.stdio.is_some() || how.config.address == Address::Stdio {
        return Err(Error::misuse(
            "a plugin's standard input and output are with the host that started it: `connect_over_stdio` does not go with `reattach`",
        ));
    }
    let tls = std::mem::take(&mut builder.tls).prepare()?;
    if tls.client_cert().is_some() {
        return Err(Error::misuse(
            "the certificates of AutoMTLS are for the one start: it does not go with `reattach`",
        ));
    }
    let Reattach { config, find } = how;
    let sets = offered_sets(std::mem::take(&mut builder.sets))?;
    let version = selected_version(&config, builder.handshake.version, &sets)?;

    let runner = match find {
        Some(find) => Some(find().await?),
        None => None,
    };
    let process = match &runner {
        Some(runner) => Process::attached(Arc::clone(runner)),
        // The process of a test may be in a container of its own, under another id. It is left alone anyway.
        None => match Process::find(config.pid)? {
            Some(process) => process,
            None if config.test => Process::unknown(config.pid),
            None => return Err(not_found()),
        },
    };
    // Go's check, with Go's answer; a plugin that is there but does not speak is another error.
    drop(
        Connection::dial(&config.address, CONNECT_TIMEOUT)
            .await
            .map_err(|cause| not_found().with_source(cause))?,
    );

    let line = HandshakeLine {
        version,
        address: config.address.clone(),
        protocol: config.protocol,
        server_certificate: None,
        multiplex: None,
    };
    let limits = KillLimits { terminate: builder.terminate, ..KillLimits::default() };
    let name = builder.name.clone().unwrap_or_else(|| format!("reattached-{}", process.runner_id()));
    let security = tls.security(&name, &line)?;
    let target = Target::process(process.exit());
    let options = connect_options(&mut builder, &line.address, target.clone(), runner);
    let transport = Transport::connect(&line, security, options).await?;
    version::check(&transport, &name, builder.required_version.as_ref()).await?;
    debug!(plugin = name, version, protocol = %line.protocol, "reattached to plugin");
    let plugins = sets.get(&version).cloned().unwrap_or_default();
    let calls = Calls { plugin: Some(name.as_str().into()), target, ..builder.calls };
    let ending = Ending::new(process, limits, config.test);
    let hooks = Hooks { on_exit: builder.on_exit.take(), managed: builder.managed };
    Ok(Client::new(
        Running { name, line, plugins, transport, calls, ending, reattached: Some(config) },
        hooks,
    ))
}

fn not_found() -> Error {
    Error::new(ErrorKind::Disconnected, "reattachment process not found")
}

/// The version whose plugins are dispensed. Go does not look, so that a host with several versions dispenses nothing
/// (go-plugin#310).
fn selected_version(config: &ReattachConfig, own: u32, sets: &BTreeMap<u32, PluginSet>) -> Result<u32> {
    if sets.contains_key(&config.version) {
        return Ok(config.version);
    }
    let versions: Vec<String> = sets.keys().map(u32::to_string).collect();
    let versions = versions.join(" ");
    if config.version != 0 {
        let text = format!(
            "incompatible API version with plugin. Plugin version: {}, Client versions: [{versions}]",
            config.version
        );
        return Err(Error::new(ErrorKind::AppVersion, text));
    }
    if sets.contains_key(&own) {
        return Ok(own);
    }
    let mut all = sets.keys();
    match (all.next(), all.next()) {
        (Some(only), None) => Ok(*only),
        _ => Err(Error::misuse(format!(
            "the reattach config does not say which version the plugin serves, and there are several: set its `version` to \
             one of [{versions}]"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Address, Protocol};

    #[test]
    fn the_plugins_of_the_version_are_chosen() {
        let sets =
            |versions: &[u32]| versions.iter().map(|v| (*v, PluginSet::new())).collect::<BTreeMap<_, _>>();
        for (versions, said, expected) in [
            (&[1, 2][..], 2, Ok(2)),
            (&[0, 2], 0, Ok(0)),
            (&[1, 2], 0, Ok(1)), // the handshake's own
            (&[5], 0, Ok(5)),
            (&[5, 6], 0, Err(ErrorKind::Misuse)),
            (&[5, 6], 4, Err(ErrorKind::AppVersion)),
        ] {
            let mut config = ReattachConfig::new(Protocol::Grpc, Address::Tcp(":1".into()), 1);
            config.version = said;
            let chosen = selected_version(&config, 1, &sets(versions)).map_err(|error| error.kind());
            assert_eq!(chosen, expected, "{versions:?} {said}");
        }
    }
}
