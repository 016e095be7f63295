//! A directory of the plugin's own for its sockets, so that none stays behind, whatever becomes of the plugin.
//!
//! The socket of the handshake is removed on its own account; those that a plugin makes for brokered connections
//! are known to nobody but it. Plugins of go-plugin before v1.5.0 do not look at the variable and use the temporary directory.

use super::{HostEnv, env::Changes};
use crate::handshake::env;
use std::{ffi::OsStr, path::Path};
use tempfile::TempDir;

/// What a plugin adds to the directory: a slash, `plugin`, and ten digits or fewer.
const SOCKET_NAME: usize = 17;

/// The shortest that every system allows for the path of a socket (macOS; Linux has 107).
const MAX_SOCKET_PATH: usize = 103;

/// Makes the directory, unless the host or the user of the command has named one. `None` as well if it cannot be made or its name is
/// too long for a socket in it: then the plugin does as it would without it.
pub(super) fn create(host: &HostEnv<'_>, user: &Changes) -> Option<TempDir> {
    if cfg!(not(unix)) || host.socket_dir.is_some() || user.contains_key(OsStr::new(env::UNIX_SOCKET_DIR)) {
        return None;
    }
    create_in(&std::env::temp_dir())
}

fn create_in(base: &Path) -> Option<TempDir> {
    // Go's name for such a directory.
    let dir = tempfile::Builder::new().prefix("plugin-dir").tempdir_in(base).ok()?;
    (dir.path().as_os_str().len() + SOCKET_NAME <= MAX_SOCKET_PATH).then_some(dir)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_somebody_chose_is_left_alone() {
        let chosen = HostEnv { socket_dir: Some(Path::new("/run")), ..HostEnv::default() };
        assert!(create(&chosen, &Changes::new()).is_none());
        let user = Changes::from([(env::UNIX_SOCKET_DIR.into(), Some("/run".into()))]);
        assert!(create(&HostEnv::default(), &user).is_none());
    }

    #[test]
    fn a_name_too_long_for_sockets_is_not_used() {
        let base = tempfile::tempdir().unwrap();
        assert!(create_in(base.path()).is_some());
        let long = base.path().join("d".repeat(90));
        std::fs::create_dir(&long).unwrap();
        assert!(create_in(&long).is_none());
        assert_eq!(std::fs::read_dir(&long).unwrap().count(), 0);
    }
}
