//! What the plugin prints, on its way to the host.

use std::{
    collections::VecDeque,
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
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Response, Status};

use super::{GrpcChannel, Mux, io::Flushes};
use crate::plugin::{Channel as Output, Delivery, Outlet, Source};

/// The most that goes into one message, in bytes. Go sends what one read of 1 KiB returns; nothing on the
/// receiving side depends on that, and larger pieces cost less. Far below the 4 MiB that a receiver accepts
/// at least.
const MAX_CHUNK: usize = 32 << 10;

/// Serves `plugin.GRPCStdio`. Has one consumer, the last that called: an earlier one ends.
pub(crate) struct StdioService {
    outlet: Outlet,
    /// Set if HTTP/2 runs on streams of a session, where a flush is not the last step.
    mux: Option<Arc<Mux>>,
    /// Ends the stream of the last consumer.
    last: Mutex<CancellationToken>,
}

impl StdioService {
    pub(crate) fn server(outlet: Outlet, mux: Option<Arc<Mux>>) -> GrpcStdioServer<Self> {
        GrpcStdioServer::new(Self { outlet, mux, last: Mutex::default() })
    }
}

#[tonic::async_trait]
impl GrpcStdio for StdioService {
    type StreamStdioStream = Pin<Box<dyn Stream<Item = Result<StdioData, Status>> + Send>>;

    async fn stream_stdio(&self, request: Request<()>) -> Result<Response<Self::StreamStdioStream>, Status> {
        let replaced = CancellationToken::new();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *last, replaced.clone()).cancel();
        let consumer = Consumer {
            source: self.outlet.source(),
            mux: self.mux.clone(),
            replaced,
            flushes: request.extensions().get().cloned().unwrap_or_default(),
            current: None,
            sent: VecDeque::new(),
        };
        let pieces = stream::unfold(consumer, |mut consumer| async {
            consumer.next().await.map(|data| (Ok(data), consumer))
        });
        Ok(Response::new(Box::pin(pieces)))
    }
}

/// One consumer's place in the output.
struct Consumer {
    source: Source,
    mux: Option<Arc<Mux>>,
    replaced: CancellationToken,
    flushes: Flushes,
    /// What is being sent, and what of it has not been.
    current: Option<(Delivery, Bytes)>,
    /// What HTTP/2 has taken, each with the flushes before: it is delivered when there was another one.
    ///
    /// HTTP/2 asks for more only when there is room for what it has, so the next flush writes all of it.
    /// Should a process end between a flush that had begun before and that one, the piece is lost.
    sent: VecDeque<(Delivery, u64)>,
}

impl Consumer {
    async fn next(&mut self) -> Option<StdioData> {
        let (delivery, mut rest) = match self.current.take() {
            Some(current) => current,
            None => self.wait().await?,
        };
        let data = rest.split_to(rest.len().min(MAX_CHUNK)).into();
        let channel = match delivery.channel() {
            Output::Stdout => Channel::Stdout,
            Output::Stderr => Channel::Stderr,
        };
        if rest.is_empty() {
            self.sent.push_back((delivery, self.flushes.count()));
        } else {
            self.current = Some((delivery, rest));
        }
        Some(StdioData { channel: channel.into(), data })
    }

    /// The next piece; none when the output has ended and all of it is delivered, or another consumer came.
    async fn wait(&mut self) -> Option<(Delivery, Bytes)> {
        let mut ended = false;
        loop {
            let flushed = self.flushes.next();
            let flushes = self.flushes.count();
            let count = self.sent.iter().take_while(|(_, before)| *before < flushes).count();
            if let Some(mux) = self.mux.as_ref().filter(|_| count > 0) {
                tokio::select! {
                    () = mux.sent() => {}
                    () = self.replaced.cancelled() => return None,
                }
            }
            self.sent.drain(..count).for_each(|(delivery, _)| delivery.done());
            if ended && self.sent.is_empty() {
                return None;
            }
            tokio::select! {
                () = self.replaced.cancelled() => return None,
                () = flushed, if !self.sent.is_empty() => {}
                piece = self.source.next_any(), if !ended => match piece {
                    Some(delivery) => {
                        let bytes = delivery.bytes().clone();
                        return Some((delivery, bytes));
                    }
                    None => ended = true,
                },
            }
        }
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
