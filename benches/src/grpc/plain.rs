//! tonic without this project, over the same kind of socket.

use std::{
    io::{self, BufRead, BufReader},
    marker::PhantomData,
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result};
use hyper_util::rt::TokioIo;
use rustix::net::sockopt::set_socket_send_buffer_size;
use tokio::net::{UnixListener, UnixStream};
use tokio_stream::{StreamExt as _, wrappers::UnixListenerStream};
use tonic::transport::{Channel, Endpoint, Server};

use super::{
    bench::{echoing_client::EchoingClient, echoing_server::EchoingServer},
    plugin::Here,
};
use crate::{options::Options, plugin::Host};

/// How tonic is set.
pub trait Settings: Send + Sync + 'static {
    fn client(endpoint: Endpoint) -> Endpoint {
        endpoint
    }

    fn server(server: Server) -> Server {
        server
    }

    fn socket(socket: UnixStream) -> io::Result<UnixStream> {
        Ok(socket)
    }
}

/// As it comes.
pub struct Defaults;

impl Settings for Defaults {}

/// As `src/grpc/http2.rs` sets it.
pub struct AsOurs;

impl AsOurs {
    const FRAME: u32 = 1 << 20;
    const STREAM_WINDOW: u32 = 4 << 20;
    const CONNECTION_WINDOW: u32 = 8 << 20;
    const SEND_BUFFER: usize = 1 << 20;
}

impl Settings for AsOurs {
    fn client(endpoint: Endpoint) -> Endpoint {
        endpoint
            .max_frame_size(Self::FRAME)
            .initial_stream_window_size(Self::STREAM_WINDOW)
            .initial_connection_window_size(Self::CONNECTION_WINDOW)
    }

    fn server(server: Server) -> Server {
        server
            .max_frame_size(Self::FRAME)
            .initial_stream_window_size(Self::STREAM_WINDOW)
            .initial_connection_window_size(Self::CONNECTION_WINDOW)
    }

    fn socket(socket: UnixStream) -> io::Result<UnixStream> {
        set_socket_send_buffer_size(&socket, Self::SEND_BUFFER)?;
        Ok(socket)
    }
}

/// A process with a server, and a client of it.
pub struct Plain<S> {
    process: Child,
    caller: EchoingClient<Channel>,
    settings: PhantomData<S>,
}

impl<S: Settings> Host for Plain<S> {
    type Caller = EchoingClient<Channel>;

    async fn start(mut command: Command) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("socket");
        let mut process = command.arg("--socket").arg(&path).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().context("a piped stdout")?).read_line(&mut line)?;
        let connector = tower::service_fn(move |_| {
            let path = path.clone();
            async move { UnixStream::connect(path).await.and_then(S::socket).map(TokioIo::new) }
        });
        let endpoint = S::client(Endpoint::from_static("http://unused"));
        let channel = endpoint.connect_with_connector(connector).await?;
        Ok(Self { process, caller: EchoingClient::new(channel), settings: PhantomData })
    }

    fn caller(&self) -> &EchoingClient<Channel> {
        &self.caller
    }

    fn id(&self) -> u32 {
        self.process.id()
    }

    async fn kill(mut self) -> Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }
}

/// The other end.
pub async fn serve<S: Settings>(options: Options) -> Result<()> {
    let listener = UnixListener::bind(&options.socket)?;
    println!("listening");
    let incoming = UnixListenerStream::new(listener).map(|socket| socket.and_then(S::socket));
    let mut server = S::server(Server::builder());
    Ok(server.add_service(EchoingServer::new(Here::default())).serve_with_incoming(incoming).await?)
}
