//! A directory of the plugin's own for its sockets, so that none stays behind, whatever becomes of the plugin.
//!
//! The socket of the handshake is removed on its own account; those that a plugin makes for brokered connections
//! are known to nobody but it. Plugins of go-plugin before v1.5.0 do not look at the variable and use the temporary directory.

use super::{HostEnv, env::Changes};
use crate::{Result, handshake::env, net::SocketConfig};
use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// Where a plugin is told to put its sockets.
#[derive(Debug)]
pub(super) enum SocketDir {
    /// Made for it; goes with it.
    Own(TempDir),
    /// One that stays.
    Lasting(PathBuf),
}

impl SocketDir {
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Own(dir) => dir.path(),
            Self::Lasting(dir) => dir,
        }
    }
}

/// Makes the directory, unless the user of the command has named one. A plugin that `outlives` its host needs its
/// sockets longer than a directory made here would live: it gets the one that directories would be made in, if that was said.
///
/// `None` as well if nothing was configured and the directory cannot be made, or its name is too long for a socket
/// in it: then the plugin does as it would without it.
pub(super) fn create(
    config: &SocketConfig,
    host: &HostEnv<'_>,
    user: &Changes,
    outlives: bool,
) -> Result<Option<SocketDir>> {
    if host.socket_dir.is_some() || user.contains_key(OsStr::new(env::UNIX_SOCKET_DIR)) {
        return Ok(None);
    }
    if outlives {
        return Ok(config.base.clone().map(SocketDir::Lasting));
    }
    match config.make_dir() {
        Ok(dir) => Ok(Some(SocketDir::Own(dir))),
        Err(_) if *config == SocketConfig::default() => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_somebody_chose_is_left_alone() {
        let config = SocketConfig::default();
        let chosen = HostEnv { socket_dir: Some(Path::new("/run")), ..HostEnv::default() };
        assert!(create(&config, &chosen, &Changes::new(), false).unwrap().is_none());
        let user = Changes::from([(env::UNIX_SOCKET_DIR.into(), Some("/run".into()))]);
        assert!(create(&config, &HostEnv::default(), &user, false).unwrap().is_none());
    }

    #[test]
    fn a_plugin_that_outlives_its_host_gets_a_lasting_directory_or_none() {
        let chosen = SocketConfig { base: Some("/run/plugins".into()), group: None };
        for (config, expected) in [(SocketConfig::default(), None), (chosen, Some(Path::new("/run/plugins")))]
        {
            let dir = create(&config, &HostEnv::default(), &Changes::new(), true).unwrap();
            assert_eq!(dir.as_ref().map(SocketDir::path), expected);
        }
    }

    #[test]
    fn a_chosen_place_that_cannot_be_used_is_an_error() {
        let config = SocketConfig { base: Some("/nonexistent".into()), group: None };
        assert!(create(&config, &HostEnv::default(), &Changes::new(), false).is_err());
    }
}
