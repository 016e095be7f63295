//! What the objects of a supervised plugin hang on to while its processes come and go.

use super::{Client, transport::Transport};
use crate::{
    Plugin, Result,
    calls::{Calls, Gate},
};
use std::{any::Any, sync::Arc};
use tokio::sync::watch;

#[cfg(feature = "grpc")]
use crate::grpc::{BrokerSlot, ChannelSlot, GrpcBroker, GrpcChannel};
#[cfg(feature = "netrpc")]
use crate::netrpc::WeakRpcClient;
#[cfg(feature = "grpc")]
use tokio_util::sync::DropGuard;

/// The handles that dispensed objects hold, and what leads them to another process.
pub(crate) enum Anchor {
    /// Each object has a connection of its own, to an instance of its own, made under a name.
    #[cfg(feature = "netrpc")]
    NetRpc(Vec<(String, WeakRpcClient)>),
    /// All share one.
    #[cfg(feature = "grpc")]
    Grpc(Box<Grpc>),
}

#[cfg(feature = "grpc")]
pub(crate) struct Grpc {
    channel: GrpcChannel,
    channel_slot: ChannelSlot,
    broker: GrpcBroker,
    broker_slot: BrokerSlot,
    _served: DropGuard,
}

impl Client {
    /// The calls to this process as the one of a generation under a supervisor.
    pub(crate) fn supervised_calls(&self, generation: u64, gate: &watch::Receiver<Gate>) -> Calls {
        let calls = self.0.calls.clone();
        let target = calls.target.clone().supervised(generation, gate.clone());
        Calls { target, ..calls }
    }
}

impl Anchor {
    /// An anchor at this process, whose calls are made as `calls` says.
    pub(crate) fn new(client: &Client, calls: &Calls) -> Self {
        match &client.0.transport {
            #[cfg(feature = "netrpc")]
            Transport::NetRpc(_) => {
                let _ = calls;
                Self::NetRpc(Vec::new())
            }
            #[cfg(feature = "grpc")]
            Transport::Grpc(connection) => {
                let (channel, channel_slot) = connection.channel().for_calls(calls.clone()).replaceable();
                let (broker, broker_slot, served) = connection.broker().replaceable();
                Self::Grpc(Box::new(Grpc { channel, channel_slot, broker, broker_slot, _served: served }))
            }
        }
    }

    /// An object of the process, held by the anchor from now on.
    pub(crate) async fn dispense<P: Plugin + ?Sized>(
        &mut self,
        client: &Client,
        calls: &Calls,
        name: &str,
    ) -> Result<Arc<P::Interface>> {
        let _ = calls; // those over gRPC were given to the anchor
        let entry = client.entry::<P>(name)?;
        let object: Box<dyn Any + Send> = match (self, &client.0.transport) {
            #[cfg(feature = "netrpc")]
            (Self::NetRpc(held), Transport::NetRpc(connection)) => {
                let rpc = connection.dispense(name, calls.clone()).await?;
                held.retain(|(_, handle)| handle.upgrade().is_some());
                held.push((name.to_owned(), rpc.downgrade()));
                entry.netrpc_client(name, rpc)?
            }
            #[cfg(feature = "grpc")]
            (Self::Grpc(grpc), Transport::Grpc(_)) => {
                entry.grpc_client(name, grpc.broker.clone(), grpc.channel.clone())?
            }
            #[cfg(all(feature = "netrpc", feature = "grpc"))]
            _ => return Err(other_transport()),
        };
        client.object::<P>(name, object)
    }

    /// Leads every object that somebody holds to another process.
    ///
    /// # Errors
    /// If the process cannot make one of them. Then all stay where they are.
    pub(crate) async fn follow(&mut self, next: &Client, calls: &Calls) -> Result<()> {
        match (self, &next.0.transport) {
            #[cfg(feature = "netrpc")]
            (Self::NetRpc(held), Transport::NetRpc(connection)) => {
                let mut moves = Vec::new();
                for (name, handle) in held.iter() {
                    if let Some(handle) = handle.upgrade() {
                        moves.push((handle, connection.dispense(name, calls.clone()).await?));
                    }
                }
                moves.iter().for_each(|(handle, rpc)| handle.replace(rpc));
                Ok(())
            }
            #[cfg(feature = "grpc")]
            (Self::Grpc(grpc), Transport::Grpc(connection)) => {
                grpc.channel_slot.replace(&connection.channel().for_calls(calls.clone()));
                grpc.broker_slot.replace(&connection.broker());
                Ok(())
            }
            #[cfg(all(feature = "netrpc", feature = "grpc"))]
            _ => Err(other_transport()),
        }
    }
}

#[cfg(all(feature = "netrpc", feature = "grpc"))]
fn other_transport() -> crate::Error {
    let text = "the plugin speaks another transport than the one that its objects were made for";
    crate::Error::new(crate::ErrorKind::Unsupported, text)
}
