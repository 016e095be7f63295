//! What the plugin prints, on its way to the host.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use futures_util::{Stream, stream};
use go_plugin_proto::{
    StdioData,
    grpc_stdio_client::GrpcStdioClient,
    grpc_stdio_server::{GrpcStdio, GrpcStdioServer},
    stdio_data::Channel,
};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt as _},
    sync::watch,
};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Response, Status};

use super::GrpcChannel;

/// The most that goes into one message, in bytes. Go sends what one read of 1 KiB returns; nothing on the
/// receiving side depends on that, and larger pieces cost less. Far below the 4 MiB that a receiver accepts
/// at least.
const MAX_CHUNK: usize = 32 << 10;

/// One of the two streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    Stdout,
    Stderr,
}

/// What was printed and not delivered yet, in order.
pub(crate) trait StdioSource: Send + Sync + 'static {
    /// The oldest piece, which stays where it is until [`done`](Self::done). Waits for one to come. Dropping
    /// the future loses nothing.
    fn next(&self) -> impl Future<Output = (Output, Bytes)> + Send;

    /// The piece that `next` returned is delivered.
    fn done(&self);
}

/// Serves `plugin.GRPCStdio`. Has one consumer, the last that called: an earlier one ends.
pub(crate) struct StdioService<S>(Arc<Desk<S>>);

struct Desk<S> {
    source: S,
    stopping: CancellationToken,
    /// Counts the consumers.
    consumer: watch::Sender<u64>,
    /// Held while a consumer says that its piece is delivered.
    delivery: Mutex<()>,
    /// Whether nobody consumes, or the last consumer has got everything after `stopping`.
    idle: watch::Sender<bool>,
}

impl<S: StdioSource> StdioService<S> {
    /// When `stopping` is cancelled, the consumer gets what is there and then the end.
    pub(crate) fn new(source: S, stopping: CancellationToken) -> Self {
        Self(Arc::new(Desk {
            source,
            stopping,
            consumer: watch::Sender::new(0),
            delivery: Mutex::new(()),
            idle: watch::Sender::new(true),
        }))
    }

    pub(crate) fn drained(&self) -> Drained {
        Drained(self.0.idle.subscribe())
    }

    pub(crate) fn into_server(self) -> GrpcStdioServer<Self> {
        GrpcStdioServer::new(self)
    }
}

/// Tells when no consumer is owed anything any more, after the service was told to stop.
#[derive(Clone)]
pub(crate) struct Drained(watch::Receiver<bool>);

impl Drained {
    pub(crate) async fn wait(mut self) {
        // The sender is gone with the server only; then nobody is owed anything either.
        let _ = self.0.wait_for(|idle| *idle).await;
    }
}

/// One consumer's place in the stream.
struct Consumer<S: StdioSource> {
    desk: Arc<Desk<S>>,
    number: u64,
    current: watch::Receiver<u64>,
    /// What is left of the source's oldest piece.
    rest: Option<(Output, Bytes)>,
}

impl<S: StdioSource> Consumer<S> {
    async fn next(&mut self) -> Option<StdioData> {
        if !self.rest.as_ref().is_some_and(|(_, rest)| !rest.is_empty()) {
            self.delivered();
            self.rest = self.wait().await;
        }
        let (output, rest) = self.rest.as_mut()?;
        let data = rest.split_to(rest.len().min(MAX_CHUNK)).into();
        let channel = match output {
            Output::Stdout => Channel::Stdout,
            Output::Stderr => Channel::Stderr,
        };
        Some(StdioData { channel: channel.into(), data })
    }

    async fn wait(&mut self) -> Option<(Output, Bytes)> {
        let number = self.number;
        tokio::select! {
            biased; // what is there goes out before the end
            _ = self.current.wait_for(|current| *current != number) => None,
            piece = self.desk.source.next() => Some(piece),
            () = self.desk.stopping.cancelled() => None,
        }
    }

    /// The piece went into the connection: asking for the next one says so.
    fn delivered(&mut self) {
        if self.rest.take().is_some() {
            let _delivery = self.desk.delivery.lock().unwrap_or_else(PoisonError::into_inner);
            // A later consumer has begun with this piece again.
            if *self.desk.consumer.borrow() == self.number {
                self.desk.source.done();
            }
        }
    }
}

impl<S: StdioSource> Drop for Consumer<S> {
    fn drop(&mut self) {
        if *self.desk.consumer.borrow() == self.number {
            self.desk.idle.send_replace(true);
        }
    }
}

#[tonic::async_trait]
impl<S: StdioSource> GrpcStdio for StdioService<S> {
    type StreamStdioStream = Pin<Box<dyn Stream<Item = Result<StdioData, Status>> + Send>>;

    async fn stream_stdio(&self, _: Request<()>) -> Result<Response<Self::StreamStdioStream>, Status> {
        let desk = self.0.clone();
        let current = desk.consumer.subscribe();
        let number = {
            let _delivery = desk.delivery.lock().unwrap_or_else(PoisonError::into_inner);
            desk.consumer.send_modify(|number| *number += 1);
            desk.idle.send_replace(false);
            *desk.consumer.borrow()
        };
        let consumer = Consumer { desk, number, current, rest: None };
        let pieces = stream::unfold(consumer, |mut consumer| async {
            consumer.next().await.map(|data| (Ok(data), consumer))
        });
        Ok(Response::new(Box::pin(pieces)))
    }
}

/// The host's end: copies what the plugin prints to the two sinks until the stream ends.
///
/// A sink that fails gets nothing more; the plugin's output is still read, so that the plugin does not
/// wait.
pub(crate) async fn copy(
    channel: GrpcChannel,
    stdout: impl AsyncWrite + Send + Unpin,
    stderr: impl AsyncWrite + Send + Unpin,
) {
    if let Err(status) = copy_until_error(channel, stdout, stderr).await {
        match status.code() {
            Code::Unavailable | Code::Unimplemented => {
                tracing::warn!(%status, "stdio service not available, stdout/stderr syncing unavailable");
            }
            // How the stream ends when the plugin does, by the controller or otherwise.
            _ if std::error::Error::source(&status).is_some() => {
                tracing::debug!(%status, "the plugin's output ended with the connection");
            }
            Code::Cancelled => tracing::debug!(%status, "the plugin ended its output"),
            _ => tracing::error!(%status, "error receiving the plugin's output"),
        }
    }
}

async fn copy_until_error(
    channel: GrpcChannel,
    stdout: impl AsyncWrite + Send + Unpin,
    stderr: impl AsyncWrite + Send + Unpin,
) -> Result<(), Status> {
    let mut client = GrpcStdioClient::new(channel);
    let (mut stdout, mut stderr) = (Sink::new("stdout", stdout), Sink::new("stderr", stderr));
    let mut pieces = client.stream_stdio(()).await?.into_inner();
    while let Some(piece) = pieces.message().await? {
        match piece.channel() {
            Channel::Stdout => stdout.write(&piece.data).await,
            Channel::Stderr => stderr.write(&piece.data).await,
            Channel::Invalid => {
                tracing::warn!(channel = piece.channel, "dropped output for an unknown channel");
            }
        }
    }
    Ok(())
}

struct Sink<W> {
    name: &'static str,
    writer: Option<W>,
}

impl<W: AsyncWrite + Unpin> Sink<W> {
    fn new(name: &'static str, writer: W) -> Self {
        Self { name, writer: Some(writer) }
    }

    async fn write(&mut self, data: &[u8]) {
        let Some(writer) = &mut self.writer else { return };
        let written = async {
            writer.write_all(data).await?;
            writer.flush().await
        };
        if let Err(error) = written.await {
            tracing::error!(%error, "cannot pass on the plugin's {}", self.name);
            self.writer = None;
        }
    }
}
