//! The plugins of one application version, by name.

use crate::{Error, ErrorKind, Plugin, Protocol, Result, plugin_trait};
use std::{
    any::{TypeId, type_name},
    collections::BTreeMap,
    fmt,
    sync::Arc,
};

#[cfg(feature = "grpc")]
use crate::grpc::{GrpcBroker, GrpcChannel, GrpcServices};
#[cfg(feature = "netrpc")]
use crate::netrpc::{MuxBroker, RpcClient, Service};
#[cfg(any(feature = "grpc", feature = "netrpc"))]
use std::any::Any;

/// The plugins of one application version, by name. Go's `plugin.PluginSet`.
#[derive(Clone, Default)]
pub struct PluginSet(BTreeMap<String, Arc<dyn Entry>>);

impl PluginSet {
    /// An empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `plugin` under `name`, replacing what had the name before.
    #[must_use]
    pub fn plugin(mut self, name: impl Into<String>, plugin: impl Plugin) -> Self {
        self.0.insert(name.into(), Arc::new(plugin));
        self
    }

    /// The names in this set, in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The entry that a peer asks for by name. The text is Go's.
    pub(crate) fn get(&self, name: &str) -> Result<&Arc<dyn Entry>> {
        self.0
            .get(name)
            .ok_or_else(|| Error::new(ErrorKind::UnknownPlugin, format!("unknown plugin type: {name}")))
    }

    /// The entry under `name`, if its interface is that of `P`: a wrong guess is found before any traffic. The
    /// interfaces are compared and not the plugins, since two versions may use two plugin types for one interface.
    pub(crate) fn get_as<P: Plugin + ?Sized>(&self, name: &str) -> Result<&Arc<dyn Entry>> {
        let entry = self.get(name)?;
        let (id, registered) = entry.interface();
        if id == TypeId::of::<P::Interface>() {
            return Ok(entry);
        }
        let asked = type_name::<P::Interface>();
        Err(Error::new(
            ErrorKind::WrongInterface,
            format!("plugin {name:?} is registered as `{registered}`, but was dispensed as `{asked}`"),
        ))
    }

    /// gRPC if every member has that half, else net/rpc if every member has that one.
    pub(crate) fn protocol(&self) -> Result<Protocol> {
        let every = |p: &Protocol| self.0.values().all(|entry| entry.supports(*p));
        [Protocol::Grpc, Protocol::NetRpc].into_iter().find(every).ok_or_else(|| {
            let names: Vec<_> = self.names().collect();
            Error::misuse(format!(
                "the plugins {names:?} of one set have no transport in common: one process speaks one transport, so give each of \
                 them the missing half, or put them into sets of different versions"
            ))
        })
    }

    #[cfg(any(feature = "grpc", feature = "netrpc"))]
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, &Arc<dyn Entry>)> {
        self.0.iter().map(|(name, entry)| (name.as_str(), entry))
    }
}

impl fmt::Debug for PluginSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(name, entry)| (name, entry.interface().1))).finish()
    }
}

/// A [`Plugin`] without its associated type, so that one map holds them all. What the `…_client` methods return
/// is an `Arc<P::Interface>`.
pub(crate) trait Entry: Send + Sync {
    fn interface(&self) -> (TypeId, &'static str);
    fn supports(&self, protocol: Protocol) -> bool;
    #[cfg(feature = "netrpc")]
    fn check_netrpc_server(&self, name: &str) -> Result<()>;
    #[cfg(feature = "netrpc")]
    fn netrpc_server(&self, name: &str, broker: MuxBroker) -> Result<Box<dyn Service>>;
    #[cfg(feature = "netrpc")]
    fn netrpc_client(&self, name: &str, rpc: RpcClient) -> Result<Box<dyn Any + Send>>;
    #[cfg(feature = "grpc")]
    fn grpc_server(&self, name: &str, broker: GrpcBroker, services: &mut GrpcServices) -> Result<()>;
    #[cfg(feature = "grpc")]
    fn grpc_client(
        &self,
        name: &str,
        broker: GrpcBroker,
        channel: GrpcChannel,
    ) -> Result<Box<dyn Any + Send>>;
}

impl<P: Plugin> Entry for P {
    fn interface(&self) -> (TypeId, &'static str) {
        (TypeId::of::<P::Interface>(), type_name::<P::Interface>())
    }

    fn supports(&self, protocol: Protocol) -> bool {
        plugin_trait::supports(self, protocol)
    }

    #[cfg(feature = "netrpc")]
    fn check_netrpc_server(&self, name: &str) -> Result<()> {
        self.netrpc().ok_or_else(|| no_netrpc(name))?.check_server()
    }

    #[cfg(feature = "netrpc")]
    fn netrpc_server(&self, name: &str, broker: MuxBroker) -> Result<Box<dyn Service>> {
        self.netrpc().ok_or_else(|| no_netrpc(name))?.server(broker)
    }

    #[cfg(feature = "netrpc")]
    fn netrpc_client(&self, name: &str, rpc: RpcClient) -> Result<Box<dyn Any + Send>> {
        Ok(Box::new(self.netrpc().ok_or_else(|| no_netrpc(name))?.client(rpc)?))
    }

    #[cfg(feature = "grpc")]
    fn grpc_server(&self, name: &str, broker: GrpcBroker, services: &mut GrpcServices) -> Result<()> {
        let half = self.grpc().ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, format!("{name:?} is not a GRPC-compatible plugin"))
        })?;
        half.server(broker, services).map_err(|error| {
            Error::new(error.kind(), format!("error registering {name:?}: {error}")).with_source(error)
        })
    }

    #[cfg(feature = "grpc")]
    fn grpc_client(
        &self,
        name: &str,
        broker: GrpcBroker,
        channel: GrpcChannel,
    ) -> Result<Box<dyn Any + Send>> {
        let half = self.grpc().ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, format!("plugin {name:?} doesn't support gRPC"))
        })?;
        Ok(Box::new(half.client(broker, channel)?))
    }
}

#[cfg(feature = "netrpc")]
fn no_netrpc(name: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("plugin {name:?} doesn't support net/rpc"))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Empty<I: ?Sized>(std::marker::PhantomData<fn() -> Box<I>>);

    impl<I: ?Sized + Send + Sync + 'static> Plugin for Empty<I> {
        type Interface = I;
    }

    fn empty<I: ?Sized>() -> Empty<I> {
        Empty(std::marker::PhantomData)
    }

    #[test]
    fn an_unknown_name_gives_gos_text() {
        let error = PluginSet::new().get("nope").err().unwrap();
        assert_eq!(error.kind(), ErrorKind::UnknownPlugin);
        assert_eq!(error.to_string(), "unknown plugin type: nope");
    }

    #[test]
    fn dispensing_another_interface_names_both() {
        let set = PluginSet::new().plugin("kv", empty::<str>());
        assert!(set.get_as::<Empty<str>>("kv").is_ok());
        let error = set.get_as::<Empty<[u8]>>("kv").err().unwrap();
        assert_eq!(error.kind(), ErrorKind::WrongInterface);
        assert_eq!(error.to_string(), "plugin \"kv\" is registered as `str`, but was dispensed as `[u8]`");
    }

    #[test]
    fn a_set_without_a_common_transport_says_what_to_do() {
        let error = PluginSet::new().plugin("kv", empty::<str>()).protocol().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Misuse);
        assert!(error.to_string().contains("no transport in common"), "{error}");
    }
}
