//! A file that travels in chunks, each a small message of a gRPC stream: what host and plugin share.
//!
//! Names, cookie and messages are those of go-plugin's `streaming` example, so that every program works with its Go twin.

use async_trait::async_trait;
use futures_util::{Stream, TryStreamExt as _, stream};
use go_plugin::{Error, GrpcBroker, GrpcChannel, GrpcPlugin, GrpcServices, Handshake, Plugin, Result};
use proto::{
    configure, read, streamer_service_client::StreamerServiceClient, streamer_service_server as server, write,
};
use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    sync::oneshot,
};
use tonic::{Request, Response, Status, Streaming};

/// Generated from `proto/streamer.proto`.
#[allow(clippy::all, dead_code, missing_docs, reason = "generated")]
#[path = "generated/proto.rs"]
mod proto;

/// Tells a streaming plugin from other programs.
pub const HANDSHAKE: Handshake = Handshake::new(1, "BASIC_PLUGIN", "hello");

/// The name under which the plugin is served and dispensed.
pub const NAME: &str = "streamer";

/// Bytes in pieces. An error ends them early.
pub type Chunks = Pin<Box<dyn Stream<Item = Result<Vec<u8>>> + Send>>;

/// Keeps one file.
#[async_trait]
pub trait Streamer: Send + Sync {
    /// Says which file that is, and how many bytes a chunk of it may have.
    async fn configure(&self, path: &str, chunk_size: i64) -> Result<()>;

    /// Replaces the file.
    async fn write(&self, chunks: Chunks) -> Result<()>;

    /// The file as it is.
    async fn read(&self) -> Result<Chunks>;
}

/// Cuts what `reader` yields into chunks of `size` bytes; only the last may be shorter.
pub fn chunks<R: AsyncRead + Send + Unpin + 'static>(reader: R, size: usize) -> Chunks {
    let next = move |mut reader: R| async move {
        let mut chunk = Vec::with_capacity(size);
        while chunk.len() < size {
            let left = (size - chunk.len()) as u64;
            if (&mut reader).take(left).read_buf(&mut chunk).await? == 0 {
                break;
            }
        }
        Ok::<_, io::Error>(if chunk.is_empty() { None } else { Some((chunk, reader)) })
    };
    Box::pin(stream::try_unfold(reader, next).map_err(Error::from))
}

/// Carries a [`Streamer`] over gRPC: the host has none, the plugin serves one.
pub struct StreamerPlugin(pub Option<Arc<dyn Streamer>>);

impl Plugin for StreamerPlugin {
    type Interface = dyn Streamer;

    fn grpc(&self) -> Option<&dyn GrpcPlugin<dyn Streamer>> {
        Some(self)
    }
}

impl GrpcPlugin<dyn Streamer> for StreamerPlugin {
    fn server(&self, _: GrpcBroker, services: &mut GrpcServices) -> Result<()> {
        let streamer = self.0.clone().ok_or_else(|| Error::msg("there is no streamer to serve"))?;
        services.add_descriptors(include_bytes!("generated/descriptors.bin"));
        let limit = services.message_limit();
        let service = server::StreamerServiceServer::new(Adapter(streamer));
        services.add(service.max_decoding_message_size(limit).max_encoding_message_size(limit))
    }

    fn client(&self, _: GrpcBroker, channel: GrpcChannel) -> Result<Arc<dyn Streamer>> {
        let limit = channel.message_limit();
        let client = StreamerServiceClient::new(channel);
        Ok(Arc::new(Adapter(client.max_decoding_message_size(limit).max_encoding_message_size(limit))))
    }
}

/// From the trait to gRPC in the host, from gRPC to the trait in the plugin.
struct Adapter<T>(T);

#[async_trait]
impl Streamer for Adapter<StreamerServiceClient<GrpcChannel>> {
    async fn configure(&self, path: &str, chunk_size: i64) -> Result<()> {
        self.0.clone().configure(configure::Request { path: path.into(), chunk_size }).await?;
        Ok(())
    }

    async fn write(&self, chunks: Chunks) -> Result<()> {
        let (failed, failure) = oneshot::channel();
        let requests = Requests { chunks, failed: Some(failed) };
        let mut client = self.0.clone();
        let written = async {
            let mut responses = client.write(requests).await?.into_inner();
            while responses.message().await?.is_some() {}
            Ok(())
        };
        tokio::select! {
            written = written => written,
            Ok(error) = failure => Err(error),
        }
    }

    async fn read(&self) -> Result<Chunks> {
        let chunks = self.0.clone().read(read::Request {}).await?.into_inner();
        Ok(Box::pin(chunks.map_ok(|chunk| chunk.read_bytes).map_err(Error::from)))
    }
}

/// The chunks as messages. A request stream can only end well. So when there is an error this does not end, but hands it
/// over: the call is given up, and the plugin does not take a part for the whole.
struct Requests {
    chunks: Chunks,
    /// Taken by the error.
    failed: Option<oneshot::Sender<Error>>,
}

impl Stream for Requests {
    type Item = write::RequestChunk;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.failed.is_none() {
            return Poll::Pending;
        }
        match ready!(self.chunks.as_mut().poll_next(cx)) {
            Some(Ok(bytes_to_write)) => Poll::Ready(Some(write::RequestChunk { bytes_to_write })),
            Some(Err(error)) => {
                let _ = self.failed.take().map(|failed| failed.send(error)); // unless the call has ended by itself
                Poll::Pending
            }
            None => Poll::Ready(None),
        }
    }
}

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[async_trait]
impl server::StreamerService for Adapter<Arc<dyn Streamer>> {
    type WriteStream = Answers<write::Response>;
    type ReadStream = Answers<read::ResponseChunk>;

    async fn configure(
        &self,
        request: Request<configure::Request>,
    ) -> Result<Response<configure::Response>, Status> {
        let configure::Request { path, chunk_size } = request.into_inner();
        self.0.configure(&path, chunk_size).await?;
        Ok(Response::new(configure::Response {}))
    }

    async fn write(
        &self,
        request: Request<Streaming<write::RequestChunk>>,
    ) -> Result<Response<Self::WriteStream>, Status> {
        let chunks = request.into_inner().map_ok(|chunk| chunk.bytes_to_write).map_err(Error::from);
        self.0.write(Box::pin(chunks)).await?;
        Ok(Response::new(Box::pin(stream::iter([Ok(write::Response {})]))))
    }

    async fn read(&self, _: Request<read::Request>) -> Result<Response<Self::ReadStream>, Status> {
        let chunks = self.0.read().await?;
        let chunks = chunks.map_ok(|read_bytes| read::ResponseChunk { read_bytes }).map_err(Status::from);
        Ok(Response::new(Box::pin(chunks)))
    }
}
