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

/// There a plugin's sockets go with the directory that is made for it, and with those that listen.
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
        net::{AddressFamily, SocketAddrUnix, SocketType, connect},
    };
    use std::{
        fs,
        os::fd::OwnedFd,
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
        let Ok(socket) = probe() else { return false };
        connect(&socket, &address) == Err(Errno::CONNREFUSED)
    }

    /// A socket that no process inherits which another thread starts meanwhile, and that does not block where a listener lives
    /// but its queue is full.
    fn probe() -> rustix::io::Result<OwnedFd> {
        #[cfg(not(target_vendor = "apple"))]
        {
            use rustix::net::{SocketFlags, socket_with};
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
        }
        // There is no way to have both from the beginning.
        #[cfg(target_vendor = "apple")]
        {
            let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
            rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
            rustix::io::ioctl_fionbio(&socket, true)?;
            Ok(socket)
        }
    }

    #[cfg(test)]
    mod tests {
        use rustix::{
            fs::{OFlags, fcntl_getfl},
            io::{FdFlags, fcntl_getfd},
        };

        #[test]
        fn what_looks_for_a_listener_is_not_inherited_and_does_not_wait() {
            let probe = super::probe().unwrap();
            assert!(fcntl_getfd(&probe).unwrap().contains(FdFlags::CLOEXEC));
            assert!(fcntl_getfl(&probe).unwrap().contains(OFlags::NONBLOCK));
        }
    }
}
