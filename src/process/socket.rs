//! The socket file that a killed plugin leaves behind.

use std::path::Path;

/// A plugin's socket file: noted when its handshake names it, removed when its process has ended.
///
/// The path comes from the plugin, which may be wrong or hostile, and the host may run as root. So a file goes
/// only if it is a socket, the same one as at the handshake, and refuses connections: nobody listens there.
#[derive(Default)]
pub(super) struct SocketFile {
    #[cfg(unix)]
    file: Option<unix::File>,
    ended: bool,
}

#[cfg(unix)]
impl SocketFile {
    /// Remembers the file; removes it at once if the process is gone already.
    pub(super) fn note(&mut self, path: &Path) {
        self.file = unix::File::at(path);
        if self.ended {
            self.remove();
        }
    }

    pub(super) fn process_ended(&mut self) {
        self.ended = true;
        self.remove();
    }

    fn remove(&mut self) {
        if let Some(file) = self.file.take() {
            file.remove_if_dead();
        }
    }
}

/// Plugins listen on TCP there.
#[cfg(not(unix))]
impl SocketFile {
    pub(super) fn note(&mut self, _: &Path) {}

    pub(super) fn process_ended(&mut self) {
        self.ended = true;
    }
}

#[cfg(unix)]
mod unix {
    use rustix::{
        io::Errno,
        net::{AddressFamily, SocketAddrUnix, SocketType, connect, socket},
    };
    use std::{
        fs,
        os::unix::fs::{FileTypeExt, MetadataExt},
        path::{Path, PathBuf},
    };

    pub(super) struct File {
        path: PathBuf,
        identity: (u64, u64),
    }

    impl File {
        pub(super) fn at(path: &Path) -> Option<Self> {
            Some(Self { identity: socket_identity(path)?, path: path.to_owned() })
        }

        pub(super) fn remove_if_dead(&self) {
            if socket_identity(&self.path) == Some(self.identity) && is_dead(&self.path) {
                // Gone in between is as good; no right to is the owner's business.
                let _ = fs::remove_file(&self.path);
            }
        }
    }

    /// Device and inode, if there is a socket (no link to one).
    fn socket_identity(path: &Path) -> Option<(u64, u64)> {
        let meta = fs::symlink_metadata(path).ok()?;
        meta.file_type().is_socket().then(|| (meta.dev(), meta.ino()))
    }

    fn is_dead(path: &Path) -> bool {
        let Ok(address) = SocketAddrUnix::new(path) else { return false };
        let Ok(socket) = socket(AddressFamily::UNIX, SocketType::STREAM, None) else { return false };
        // Not to block where a listener lives but its queue is full.
        let Ok(()) = rustix::io::ioctl_fionbio(&socket, true) else { return false };
        connect(&socket, &address) == Err(Errno::CONNREFUSED)
    }
}
