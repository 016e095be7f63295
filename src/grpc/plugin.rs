//! The plugin's end of gRPC: one server for every host that connects.

use std::{
    future::{Future, pending},
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::{DEFAULT_MESSAGE_LIMIT, GrpcBroker, GrpcServer, Output, Sockets, StdioSource, serve::incoming};
use crate::{
    PluginSet, Result,
    net::{ListenOptions, Listener},
    plugin::{Channel, Delivery, Source},
};

/// Everything that a gRPC plugin serves.
pub(crate) struct PluginServer(GrpcServer);

impl PluginServer {
    /// Registers the services of everything in `set`. Hosts get `output`.
    pub(crate) async fn build(set: &PluginSet, output: Source) -> Result<Self> {
        let sockets = Sockets::As(ListenOptions::from_process_env()?);
        let broker = GrpcBroker::new(sockets, DEFAULT_MESSAGE_LIMIT);
        let server = GrpcServer::new(broker, Printed::new(output), |broker, services| {
            set.entries().try_for_each(|(name, entry)| entry.grpc_server(name, broker.clone(), services))
        });
        Ok(Self(server.await?))
    }

    /// Serves every host that connects until one says shutdown, or `quit` is cancelled. `finish` runs while the last
    /// hosts are connected and ends the output.
    pub(crate) async fn serve(
        self,
        listener: Listener,
        quit: CancellationToken,
        finish: impl Future<Output = ()>,
    ) {
        let running = self.0.start(incoming(listener));
        tokio::select! {
            () = quit.cancelled() => {}
            () = running.stop_requested() => {}
        }
        finish.await;
        running.stop().await;
    }
}

/// What this process prints, as the stdio service takes it.
struct Printed {
    source: Source,
    current: Mutex<Option<Delivery>>,
}

impl Printed {
    fn new(source: Source) -> Self {
        Self { source, current: Mutex::default() }
    }

    fn current(&self) -> std::sync::MutexGuard<'_, Option<Delivery>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn piece(delivery: &Delivery) -> (Output, Bytes) {
    let output = match delivery.channel() {
        Channel::Stdout => Output::Stdout,
        Channel::Stderr => Output::Stderr,
    };
    (output, delivery.bytes().clone())
}

impl StdioSource for Printed {
    async fn next(&self) -> (Output, Bytes) {
        if let Some(current) = &*self.current() {
            return piece(current);
        }
        let Some(delivery) = self.source.next_any().await else { return pending().await };
        let piece = piece(&delivery);
        *self.current() = Some(delivery);
        piece
    }

    fn done(&self) {
        if let Some(delivery) = self.current().take() {
            delivery.done();
        }
    }
}
