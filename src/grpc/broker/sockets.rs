//! Where a broker listens.

#[cfg(unix)]
use std::sync::{Mutex, PoisonError};

use futures_util::StreamExt as _;

use super::listener::Incoming;
use crate::{
    Address, Result,
    grpc::{io::BoxIo, serve::incoming},
    net::{ListenOptions, Listener},
};

/// Makes the sockets of a broker.
pub(crate) enum Sockets {
    /// As the host's environment tells a plugin, or the user tells a host.
    As(ListenOptions),
    /// In a directory that only this user can look into. It is made with the first socket and goes with the
    /// broker.
    #[cfg(unix)]
    Private(Mutex<Option<tempfile::TempDir>>),
}

impl Sockets {
    /// What a host uses unless it was told otherwise.
    pub(crate) fn private() -> Self {
        #[cfg(unix)]
        return Self::Private(Mutex::new(None));
        #[cfg(not(unix))]
        return Self::As(ListenOptions::in_dir(std::env::temp_dir()));
    }

    pub(super) fn listen(&self) -> Result<(Address, Incoming)> {
        let listener = match self {
            Self::As(options) => Listener::bind(options)?,
            #[cfg(unix)]
            Self::Private(dir) => {
                let mut dir = dir.lock().unwrap_or_else(PoisonError::into_inner);
                let dir = match &mut *dir {
                    Some(dir) => dir,
                    none => none.insert(tempfile::Builder::new().prefix("plugin-dir").tempdir()?),
                };
                Listener::bind(&ListenOptions::in_dir(dir.path().to_owned()))?
            }
        };
        let address = listener.address()?;
        let connections = incoming(listener).map(|io| io.map(|io| Box::new(io) as BoxIo));
        Ok((address, Box::pin(connections)))
    }

    /// Removes the directory, with what listeners on their way out have left there.
    pub(super) fn close(&self) {
        #[cfg(unix)]
        if let Self::Private(dir) = self {
            dir.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
    }

    #[cfg(all(test, unix))]
    pub(super) fn dir(&self) -> Option<std::path::PathBuf> {
        match self {
            Self::As(_) => None,
            Self::Private(dir) => dir.lock().ok()?.as_ref().map(|dir| dir.path().to_owned()),
        }
    }
}
