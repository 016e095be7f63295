//! A host and its plugin, as an application has them: the layers together, in two processes.

use std::{process::Command, sync::Arc, time::Instant};

use anyhow::{Result, bail, ensure};
use go_plugin::{Handshake, PluginCommand, serve as serve_ours};
use serde_gob::Bytes;
use tokio::task::JoinSet;

use crate::{
    data,
    measure::{self, Figures, Stopwatch},
    options::{By, Options},
    rpc::{self, Echo},
};

pub(crate) const COOKIE: (&str, &str) = ("BENCH_PLUGIN", "hello");

/// Callers of [`calls_at_once`].
pub(crate) const CALLERS: usize = 64;

/// What the plugin does.
#[go_plugin::interface]
pub trait Echoing {
    /// Gives back what it is given.
    async fn echo(&self, payload: Bytes) -> go_plugin::Result<Bytes>;
}

struct Here;

#[go_plugin::interface]
impl Echoing for Here {
    async fn echo(&self, payload: Bytes) -> go_plugin::Result<Bytes> {
        Ok(payload)
    }
}

impl Echo for Arc<dyn Echoing> {
    async fn echo(&self, payload: Vec<u8>) -> Result<Vec<u8>> {
        Ok((**self).echo(Bytes(payload)).await?.0)
    }
}

/// A host with one plugin started and dispensed.
pub trait Host: Sized + Send + Sync + 'static {
    type Caller: Echo;
    fn start(command: Command) -> impl Future<Output = Result<Self>> + Send;
    fn caller(&self) -> &Self::Caller;
    /// The plugin's process.
    fn id(&self) -> u32;
    fn kill(self) -> impl Future<Output = Result<()>> + Send;
}

/// The command as this project's hosts take it when they know all of it.
pub(crate) fn all_of(command: &Command) -> PluginCommand {
    PluginCommand::new(command.get_program()).args(command.get_args())
}

/// With this project.
pub struct Ours {
    client: go_plugin::Client,
    caller: Arc<dyn Echoing>,
}

impl Host for Ours {
    type Caller = Arc<dyn Echoing>;

    async fn start(command: Command) -> Result<Self> {
        let client = go_plugin::Client::builder(Handshake::new(1, COOKIE.0, COOKIE.1))
            .plugin("echo", EchoingPlugin::client())
            .command(all_of(&command))
            .start()
            .await?;
        let caller = client.dispense::<EchoingPlugin>("echo").await?;
        Ok(Self { client, caller })
    }

    fn caller(&self) -> &Arc<dyn Echoing> {
        &self.caller
    }

    fn id(&self) -> u32 {
        self.client.id()
    }

    async fn kill(self) -> Result<()> {
        Ok(self.client.kill().await?)
    }
}

/// With the crate `goplugin`.
pub struct Goplugin {
    client: goplugin::Client,
    caller: go_netrpc::Client,
}

impl Host for Goplugin {
    type Caller = go_netrpc::Client;

    async fn start(command: Command) -> Result<Self> {
        let mut config = goplugin::ClientConfig::new(goplugin_handshake());
        let plugin = goplugin::PluginCommand::new(command.get_program());
        config.cmd = Some(command.get_args().fold(plugin, goplugin::PluginCommand::arg));
        let client = goplugin::Client::start(config).await?;
        let caller = client.dispense("echo").await?.client;
        Ok(Self { client, caller })
    }

    fn caller(&self) -> &go_netrpc::Client {
        &self.caller
    }

    fn id(&self) -> u32 {
        self.client.reattach_config().pid
    }

    async fn kill(self) -> Result<()> {
        self.client.kill().await;
        Ok(())
    }
}

fn goplugin_handshake() -> goplugin::HandshakeConfig {
    goplugin::HandshakeConfig {
        protocol_version: 1,
        magic_cookie_key: COOKIE.0.into(),
        magic_cookie_value: COOKIE.1.into(),
    }
}

/// The plugin.
pub async fn serve(by: By) -> Result<()> {
    match by {
        By::Ours => {
            serve_ours(Handshake::new(1, COOKIE.0, COOKIE.1))
                .plugin("echo", EchoingPlugin::new(Here))
                .await?;
        }
        By::Goplugin => {
            let echo = |_: goplugin::MuxBroker| Ok(rpc::go_netrpc_server());
            goplugin::serve(goplugin::ServeConfig::new(goplugin_handshake()).plugin("echo", echo)).await?;
        }
        by => bail!("{by:?} has no plugins"),
    }
    Ok(())
}

/// One call after the other.
pub async fn calls<H: Host>(options: Options, size: usize) -> Result<Figures> {
    let host = H::start(options.other_end("plugin")).await?;
    let figures = rpc::calls(&options, host.caller(), size).await?;
    host.kill().await?;
    Ok(figures)
}

/// Many callers, each with one call after the other.
pub async fn calls_at_once<H: Host>(options: Options) -> Result<Figures> {
    let host = H::start(options.other_end("plugin")).await?;
    rpc::warm_up(host.caller()).await?;
    let watch = Stopwatch::start(host.id())?;
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (caller, time) = (host.caller().clone(), options.time);
        callers.spawn(async move {
            let (mut payload, start, mut count) = (data::bytes(64), Instant::now(), 0);
            while start.elapsed() < time {
                payload = caller.echo(payload).await?;
                count += 1;
            }
            ensure!(payload.len() == 64, "the echo is wrong");
            Ok(count)
        });
    }
    let mut count = 0;
    while let Some(calls) = callers.join_next().await {
        count += calls??;
    }
    let figures = watch.figures("per_second", f64::from(count), f64::from(count))?;
    host.kill().await?;
    Ok(figures)
}

/// A call through the trait object with no process behind it.
pub async fn in_process(options: Options) -> Result<Figures> {
    let object: Arc<dyn Echoing> = Arc::new(Here);
    let mut payload = data::bytes(64);
    let call = || {
        let echo = Echoing::echo(&*object, Bytes(std::mem::take(&mut payload)));
        let mut echo = std::pin::pin!(echo);
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        if let std::task::Poll::Ready(Ok(echoed)) = echo.as_mut().poll(&mut cx) {
            payload = echoed.0;
        }
    };
    Ok(measure::repeat(options.time, call))
}
