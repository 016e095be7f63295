//! What can be served under a name and dispensed by it.

use crate::Protocol;

#[cfg(feature = "grpc")]
use crate::grpc::{GrpcBroker, GrpcChannel, GrpcServices};
#[cfg(feature = "netrpc")]
use crate::netrpc::{MuxBroker, RpcClient, Service};
#[cfg(any(feature = "grpc", feature = "netrpc"))]
use {crate::Result, std::sync::Arc};

/// A plugin: an interface, and how it travels over the transports it supports. Go's `plugin.Plugin` and
/// `plugin.GRPCPlugin`.
///
/// The attribute `#[go_plugin::interface]` on a trait `Greeter` generates a type `GreeterPlugin` that implements this. Both
/// sides register it under the same name.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a plugin type",
    label = "not what a plugin set holds and a host dispenses",
    note = "for a trait `Greeter` with `#[go_plugin::interface]` that is the generated `GreeterPlugin`"
)]
pub trait Plugin: Send + Sync + 'static {
    /// What a host gets: for the plugin of a trait `Greeter`, `dyn Greeter`.
    type Interface: ?Sized + Send + Sync + 'static;

    /// The net/rpc half, if there is one.
    #[cfg(feature = "netrpc")]
    fn netrpc(&self) -> Option<&dyn NetRpcPlugin<Self::Interface>> {
        None
    }

    /// The gRPC half, if there is one.
    #[cfg(feature = "grpc")]
    fn grpc(&self) -> Option<&dyn GrpcPlugin<Self::Interface>> {
        None
    }
}

/// How a plugin travels over net/rpc. `I` is its interface. Go's `plugin.Plugin`.
#[cfg(feature = "netrpc")]
pub trait NetRpcPlugin<I: ?Sized>: Send + Sync {
    /// The plugin side: called once for each time that a host dispenses the plugin. The returned service answers
    /// under the name `Plugin` on a stream of its own.
    ///
    /// # Errors
    /// The text of an error goes to the host as the answer to its dispense.
    fn server(&self, broker: MuxBroker) -> Result<Box<dyn Service>>;

    /// The host side: wraps the connection to a dispensed service.
    ///
    /// # Errors
    /// Whatever makes the object impossible; the host's dispense returns it.
    fn client(&self, rpc: RpcClient) -> Result<Arc<I>>;

    /// Fails if there is nothing to serve, so that a plugin process can say so before its handshake.
    fn check_server(&self) -> Result<()> {
        Ok(())
    }
}

/// How a plugin travels over gRPC. `I` is its interface. Go's `plugin.GRPCPlugin`.
#[cfg(feature = "grpc")]
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no gRPC half",
    label = "the flag `grpc` says that there is one",
    note = "`#[interface(grpc)]` leaves it to you: write `impl GrpcPlugin<{I}> for {Self}`, or remove the flag"
)]
pub trait GrpcPlugin<I: ?Sized>: Send + Sync {
    /// The plugin side: registers its services; called once, before the handshake.
    ///
    /// # Errors
    /// Whatever makes serving impossible; the plugin process reports it and ends.
    fn server(&self, broker: GrpcBroker, services: &mut GrpcServices) -> Result<()>;

    /// The host side: wraps the channel, usually in the client that tonic generated.
    ///
    /// # Errors
    /// Whatever makes the object impossible; the host's dispense returns it.
    fn client(&self, broker: GrpcBroker, channel: GrpcChannel) -> Result<Arc<I>>;
}

/// Whether `plugin` has a half for `protocol`.
pub(crate) fn supports<P: Plugin + ?Sized>(plugin: &P, protocol: Protocol) -> bool {
    let _ = plugin;
    match protocol {
        #[cfg(feature = "netrpc")]
        Protocol::NetRpc => plugin.netrpc().is_some(),
        #[cfg(feature = "grpc")]
        Protocol::Grpc => plugin.grpc().is_some(),
        #[cfg(not(all(feature = "netrpc", feature = "grpc")))]
        _ => false,
    }
}
