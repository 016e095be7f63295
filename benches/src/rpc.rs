//! Calls that give back what they are given.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_gob::Bytes;
use tokio::net::UnixStream;

use crate::{
    data,
    measure::{Figures, Latencies},
    options::{By, Options},
    yamux::OtherEnd,
};

const METHOD: &str = "Plugin.Echo";

/// Calls before anything is measured: types are defined, buffers have grown.
const WARM_UP: u32 = 50;

pub trait Echo: Clone + Send + Sync + 'static {
    fn echo(&self, payload: Vec<u8>) -> impl Future<Output = Result<Vec<u8>>> + Send;
}

impl Echo for netrpc::Client {
    async fn echo(&self, payload: Vec<u8>) -> Result<Vec<u8>> {
        Ok(self.call::<Bytes, _>(METHOD, &Bytes(payload)).await?.0)
    }
}

impl Echo for go_netrpc::Client {
    async fn echo(&self, payload: Vec<u8>) -> Result<Vec<u8>> {
        Ok(self.call(METHOD, &payload).await?)
    }
}

pub async fn warm_up(caller: &impl Echo) -> Result<()> {
    for _ in 0..WARM_UP {
        caller.echo(data::bytes(64)).await?;
    }
    Ok(())
}

/// One call after the other, each with what the last one gave back.
pub(crate) async fn calls(options: &Options, caller: &impl Echo, size: usize) -> Result<Figures> {
    warm_up(caller).await?;
    let (mut payload, mut latencies, begin) = (data::bytes(size), Latencies::default(), Instant::now());
    while begin.elapsed() < options.time {
        let start = Instant::now();
        payload = caller.echo(payload).await?;
        latencies.push(start);
    }
    ensure!(payload == data::bytes(size), "the echo is wrong");
    Ok(latencies.figures())
}

/// Without yamux and go-plugin: net/rpc alone, on a Unix socket to another process.
pub async fn over_socket(options: Options) -> Result<Figures> {
    let mut end = OtherEnd::start(&options, "rpc-echo").await?;
    let socket = end.socket.take().context("the socket was taken")?;
    match options.by {
        By::GoNetrpc => calls(&options, &go_netrpc::Client::new(socket), 64).await,
        _ => calls(&options, &netrpc::Client::new(socket), 64).await,
    }
}

/// The other end of [`over_socket`].
pub async fn serve(options: Options) -> Result<()> {
    let socket = UnixStream::connect(&options.socket).await?;
    match options.by {
        By::GoNetrpc => {
            std::sync::Arc::new(go_netrpc_server()).serve(socket).await?;
        }
        _ => server()?.serve(socket).await?,
    }
    Ok(())
}

pub fn server() -> Result<netrpc::Server> {
    let echo =
        netrpc::Methods::new().method("Echo", |payload: Bytes| async move { Ok::<_, String>(payload) });
    Ok(netrpc::Server::builder().service("Plugin", echo).build()?)
}

pub(crate) fn go_netrpc_server() -> go_netrpc::Server {
    let mut server = go_netrpc::Server::new();
    server.register(METHOD, |payload: Vec<u8>| async move { Ok::<_, go_netrpc::ServiceError>(payload) });
    server
}
