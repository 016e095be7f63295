//! The stream in which two brokers talk: the host opens it, the plugin serves it.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::Stream;
use go_plugin_proto::{
    ConnInfo,
    grpc_broker_client::GrpcBrokerClient,
    grpc_broker_server::{self, GrpcBrokerServer},
};
use tokio_util::task::AbortOnDropHandle;
use tonic::{Code, Request, Response, Status, Streaming};

use super::{GrpcBroker, outbox::Messages};
use crate::grpc::{
    GrpcChannel,
    io::{ConnectionId, Flushes},
};

/// The largest message that a broker accepts, in bytes. It holds a number and a socket's address, which no
/// system lets grow beyond a few hundred bytes.
pub(super) const MAX_MESSAGE: usize = 16 << 10;

impl GrpcBroker {
    /// The host's end. Runs as long as the stream does, or until the broker is closed.
    pub(crate) async fn run(self, channel: GrpcChannel) {
        let mut client = GrpcBrokerClient::new(channel).max_decoding_message_size(MAX_MESSAGE);
        let host = ConnectionId::default(); // this side
        let messages = self.0.outbox.attach(host.clone());
        let attached = messages.handle();
        let ended = async {
            // A Go plugin answers only when it has something to say.
            let inbound = client.start_stream(messages).await?.into_inner();
            self.read(&host, inbound).await
        };
        tokio::select! {
            ended = ended => {
                if let Err(status) = &ended {
                    tracing::debug!(%status, "the broker's stream ended");
                }
                // A plugin without a broker lives on.
                if !matches!(&ended, Err(status) if status.code() == Code::Unimplemented) {
                    self.0.lost.cancel();
                }
            }
            () = self.0.closed.cancelled() => {}
        }
        attached.detach();
    }

    /// The plugin's end.
    pub(crate) fn service(&self) -> GrpcBrokerServer<BrokerService> {
        GrpcBrokerServer::new(BrokerService(self.clone())).max_decoding_message_size(MAX_MESSAGE)
    }

    async fn read(&self, host: &ConnectionId, mut inbound: Streaming<ConnInfo>) -> Result<(), Status> {
        while let Some(info) = inbound.message().await? {
            self.receive(host, info);
        }
        Ok(())
    }
}

/// Serves `plugin.GRPCBroker`.
pub(crate) struct BrokerService(GrpcBroker);

#[tonic::async_trait]
impl grpc_broker_server::GrpcBroker for BrokerService {
    type StartStreamStream = Outbound;

    async fn start_stream(
        &self,
        request: Request<Streaming<ConnInfo>>,
    ) -> Result<Response<Outbound>, Status> {
        let broker = self.0.clone();
        let host = request.extensions().get().map(Flushes::connection).unwrap_or_default();
        let messages = broker.0.outbox.attach(host.clone());
        let attached = messages.handle();
        // Both directions at once: a host that does not read must not keep us from reading.
        let reader = tokio::spawn(async move {
            tokio::select! {
                ended = broker.read(&host, request.into_inner()) => if let Err(status) = ended {
                    tracing::debug!(%status, "the broker's stream ended");
                },
                () = broker.0.closed.cancelled() => {}
            }
            attached.detach();
        });
        Ok(Response::new(Outbound { messages, _reader: AbortOnDropHandle::new(reader) }))
    }
}

/// What the plugin says. Dropped with the stream, and then nobody reads it any more either.
pub(crate) struct Outbound {
    messages: Messages,
    _reader: AbortOnDropHandle<()>,
}

impl Stream for Outbound {
    type Item = Result<ConnInfo, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.messages).poll_next(cx).map(|info| info.map(Ok))
    }
}
