//! Where a broker listens, and how its addresses are said to the other side.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt as _;

use super::listener::Incoming;
use crate::{
    Address, AttachedRunner, Result,
    grpc::{io::BoxIo, serve::incoming},
    net::{ListenOptions, Listener, SocketConfig, UNIX_BY_DEFAULT},
};

/// Makes the sockets of a broker.
pub(crate) struct Sockets {
    place: Place,
    /// Knows how addresses read on the other side, if they differ there.
    runner: Option<Arc<dyn AttachedRunner>>,
}

enum Place {
    /// As the host's environment tells a plugin, or the user tells a host.
    As(ListenOptions),
    /// In a directory that only this user (and the group) can look into. It is made with the first socket and goes with the
    /// broker.
    Private(SocketConfig, Mutex<Option<tempfile::TempDir>>),
}

impl Sockets {
    /// As these options say.
    pub(crate) fn listening(options: ListenOptions) -> Self {
        Self { place: Place::As(options), runner: None }
    }

    /// What a host uses unless it was told otherwise, with a plugin that was not either.
    #[cfg(test)]
    pub(crate) fn private() -> Self {
        Self::configured(SocketConfig::default(), &Address::Tcp(String::new()))
    }

    /// What a host uses that was told where and for whom. Where a plugin may listen either way its host does as the plugin, whose
    /// `address` this is.
    pub(crate) fn configured(config: SocketConfig, address: &Address) -> Self {
        let unix = UNIX_BY_DEFAULT || address.as_unix().is_some();
        let private = || Place::Private(config, Mutex::default());
        let place = if unix { private() } else { Place::As(ListenOptions::any_port()) };
        Self { place, runner: None }
    }

    /// For a plugin that may see addresses otherwise.
    pub(crate) fn translated(mut self, runner: Option<Arc<dyn AttachedRunner>>) -> Self {
        self.runner = runner;
        self
    }

    pub(super) fn listen(&self) -> Result<(Address, Incoming)> {
        let listener = match &self.place {
            Place::As(options) => Listener::bind(options)?,
            Place::Private(config, dir) => {
                let mut dir = dir.lock().unwrap_or_else(PoisonError::into_inner);
                let dir = match &mut *dir {
                    Some(dir) => dir,
                    none => none.insert(config.make_dir()?),
                };
                let options = ListenOptions::in_dir(dir.path().to_owned());
                Listener::bind(&options.for_group(config.group.clone()))?
            }
        };
        let address = listener.address()?;
        let connections = incoming(listener).map(|io| io.map(|io| Box::new(io) as BoxIo));
        Ok((address, Box::pin(connections)))
    }

    /// How the other side reaches an address of this one.
    pub(super) fn for_them(&self, address: Address) -> Result<Address> {
        match &self.runner {
            Some(runner) => runner.host_to_plugin(address),
            None => Ok(address),
        }
    }

    /// How this side reaches an address of the other one.
    pub(super) fn for_us(&self, address: Address) -> Result<Address> {
        match &self.runner {
            Some(runner) => runner.plugin_to_host(address),
            None => Ok(address),
        }
    }

    /// Removes the directory, with what listeners on their way out have left there.
    pub(super) fn close(&self) {
        if let Place::Private(_, dir) = &self.place {
            dir.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
    }

    #[cfg(all(test, unix))]
    pub(super) fn dir(&self) -> Option<std::path::PathBuf> {
        match &self.place {
            Place::As(_) => None,
            Place::Private(_, dir) => dir.lock().ok()?.as_ref().map(|dir| dir.path().to_owned()),
        }
    }
}
