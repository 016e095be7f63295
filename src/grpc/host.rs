//! A host's connection to its plugin.

use std::{
    error::Error as _,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use go_plugin_proto::{Empty, grpc_controller_client::GrpcControllerClient};
use tokio::time::{Instant, timeout_at};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tonic::Status;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use super::{GrpcBroker, GrpcChannel, broker::Sockets, channel::ChannelSlot, dial::Dialer, health, stdio};
use crate::{Address, Error, ErrorKind, Result, host::Writer};

/// What a host wants of the connection to its plugin.
pub(crate) struct HostOptions {
    /// Where the plugin's output goes.
    pub(crate) stdout: Writer,
    pub(crate) stderr: Writer,
    /// How long connecting may take.
    pub(crate) limit: Duration,
    pub(crate) message_limit: usize,
}

/// The connection that a host makes after the handshake, with the broker's and the output's stream on it.
/// Dropping it cuts the connection.
pub(crate) struct HostConnection {
    channel: GrpcChannel,
    _slot: ChannelSlot,
    broker: GrpcBroker,
    /// Ends with the broker.
    _broker_stream: AbortOnDropHandle<()>,
    output: Mutex<Option<AbortOnDropHandle<()>>>,
    closed: CancellationToken,
}

impl HostConnection {
    /// Connects and makes sure that gRPC answers. Like Go it then opens the broker's stream and the one for
    /// the plugin's output.
    pub(crate) async fn open(address: &Address, options: HostOptions) -> Result<Self> {
        let dialer = Dialer::to(address.clone(), options.limit);
        Self::over(dialer, options).await
    }

    /// The same over any byte stream.
    pub(crate) async fn over(dialer: Dialer, options: HostOptions) -> Result<Self> {
        let HostOptions { stdout, stderr, limit, message_limit } = options;
        let closed = CancellationToken::new();
        let connected = dialer.connect(limit, closed.clone()).await?;
        let (channel, slot) = GrpcChannel::new(connected, closed.clone(), message_limit);
        let broker = GrpcBroker::new(Sockets::private(), message_limit);
        let broker_stream = tokio::spawn(broker.clone().run(channel.clone()));
        // Begun here, so that its request goes out before any call: otherwise what the first calls print, and
        // all if the plugin ends then, finds nobody who takes it.
        let mut output = Box::pin(stdio::copy(channel.clone(), stdout, stderr));
        let ended = tokio::select! {
            biased;
            () = &mut output => true,
            () = std::future::ready(()) => false,
        };
        let output = tokio::spawn(async move {
            if !ended {
                output.await;
            }
        });
        Ok(Self {
            channel,
            _slot: slot,
            broker,
            _broker_stream: AbortOnDropHandle::new(broker_stream),
            output: Mutex::new(Some(AbortOnDropHandle::new(output))),
            closed,
        })
    }

    pub(crate) fn channel(&self) -> GrpcChannel {
        self.channel.clone()
    }

    pub(crate) fn broker(&self) -> GrpcBroker {
        self.broker.clone()
    }

    /// Asks for the plugin's health. As in Go any answer will do.
    pub(crate) async fn ping(&self, limit: Duration) -> Result<()> {
        let mut client = HealthClient::new(self.channel());
        let request = HealthCheckRequest { service: health::SERVICE.to_owned() };
        match tokio::time::timeout(limit, client.check(request)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(status)) => Err(status.into()),
            Err(_) => Err(Error::new(ErrorKind::Timeout, format!("no answer to a ping within {limit:?}"))),
        }
    }

    /// Asks the plugin to end, takes in what it printed until then, and closes the connection, all within
    /// `limit`.
    ///
    /// # Errors
    ///
    /// Only if the plugin does not react in time. That it cut the connection instead of answering is how
    /// Go plugins do it.
    pub(crate) async fn shutdown(&self, limit: Duration) -> Result<()> {
        let deadline = Instant::now() + limit;
        self.broker.close();
        let mut client = GrpcControllerClient::new(self.channel());
        let answered = timeout_at(deadline, client.shutdown(Empty {})).await;
        let output = self.output.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(output) = output.filter(|_| !refused(&answered)) {
            // Its stream ends when the plugin's server does.
            let _ = timeout_at(deadline, output).await;
        }
        self.closed.cancel();
        match answered {
            Ok(_) => Ok(()),
            Err(_) => {
                let text = format!("no answer to the request to shut down within {limit:?}");
                Err(Error::new(ErrorKind::Timeout, text))
            }
        }
    }
}

/// Whether the plugin is still there and will not end: it serves no controller, for one.
fn refused<T, E>(answered: &Result<Result<T, Status>, E>) -> bool {
    matches!(answered, Ok(Err(status)) if status.source().is_none())
}

impl Drop for HostConnection {
    fn drop(&mut self) {
        self.broker.close();
        self.closed.cancel();
    }
}
