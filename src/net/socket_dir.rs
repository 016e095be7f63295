//! A directory for the sockets of one plugin, or of its host for it.

#[cfg(unix)]
use super::listener::give_to_group;
use super::unix::MAX_SOCKET_PATH;
use crate::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Where Unix sockets go, and who may use them. Go's `UnixSocketConfig`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SocketConfig {
    /// Where the directory is made; the system's place for temporary files otherwise.
    pub(crate) base: Option<PathBuf>,
    /// The group, by name or number, whose members may connect. Windows has none in this sense.
    pub(crate) group: Option<String>,
}

/// What a plugin adds to the directory: a slash, `plugin`, and ten digits or fewer.
const SOCKET_NAME: usize = 17;

/// Without a group.
#[cfg(unix)]
const ALL_FOR_OWNER: u32 = 0o700;

/// Like the sockets in it: for its owner and the group.
#[cfg(unix)]
const ALL_FOR_OWNER_AND_GROUP: u32 = 0o770;

impl SocketConfig {
    /// Makes a directory that is removed on drop. Only its owner may enter, or the group too.
    pub(crate) fn make_dir(&self) -> Result<TempDir> {
        let base = self.base.clone().unwrap_or_else(std::env::temp_dir);
        // Go's name for such a directory.
        let mut name = tempfile::Builder::new();
        name.prefix("plugin-dir");
        #[cfg(unix)]
        name.permissions(std::os::unix::fs::PermissionsExt::from_mode(ALL_FOR_OWNER));
        let dir = name.tempdir_in(&base).map_err(|cause| {
            let text = format!("cannot make a directory for sockets in {}: {cause}", base.display());
            Error::new(ErrorKind::Io, text).with_source(cause)
        })?;
        if !leaves_room(dir.path()) {
            return Err(Error::new(
                ErrorKind::Io,
                format!(
                    "the path {} leaves no room for the name of a socket, which may have {MAX_SOCKET_PATH} bytes with it: set TMPDIR or \
                     `unix_socket_dir` to a shorter directory",
                    dir.path().display()
                ),
            ));
        }
        #[cfg(unix)]
        if let Some(group) = &self.group {
            give_to_group(dir.path(), group, ALL_FOR_OWNER_AND_GROUP)?;
        }
        Ok(dir)
    }
}

fn leaves_room(dir: &Path) -> bool {
    dir.as_os_str().as_encoded_bytes().len() + SOCKET_NAME <= MAX_SOCKET_PATH
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    fn in_base(base: &Path) -> SocketConfig {
        SocketConfig { base: Some(base.to_owned()), group: None }
    }

    #[test]
    fn a_group_may_enter_if_there_is_one() {
        let base = tempfile::tempdir().unwrap();
        let gid = nix::unistd::getgid().as_raw();
        for (group, mode) in [(None, 0o700), (Some(gid.to_string()), 0o770)] {
            let dir = SocketConfig { group, ..in_base(base.path()) }.make_dir().unwrap();
            let meta = std::fs::metadata(dir.path()).unwrap();
            assert_eq!((meta.permissions().mode() & 0o777, meta.gid()), (mode, gid));
            assert_eq!(dir.path().parent(), Some(base.path()));
        }
        assert_eq!(std::fs::read_dir(base.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        let base = tempfile::tempdir().unwrap();
        let long = base.path().join("d".repeat(100));
        std::fs::create_dir(&long).unwrap();
        let unknown = SocketConfig { group: Some("no such group".into()), ..in_base(base.path()) };
        for (config, part) in [
            (in_base(&long), "leaves no room"),
            (in_base(Path::new("/nonexistent")), "cannot make a directory for sockets in /nonexistent"),
            (unknown, "failed to find gid from \"no such group\""),
        ] {
            let error = config.make_dir().unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
        }
        assert_eq!(std::fs::read_dir(&long).unwrap().count(), 0);
    }
}
