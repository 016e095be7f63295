//! Unix sockets, wherever they come from.

#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(super) use tokio::net::{UnixListener, UnixStream};
#[cfg(windows)]
pub(super) use windows::{UnixListener, UnixStream, connect};

/// The longest path of a Unix socket: the size of `sun_path` less its final NUL byte.
#[cfg(any(target_os = "linux", target_os = "android", windows))]
pub(super) const MAX_SOCKET_PATH: usize = 107;
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
pub(super) const MAX_SOCKET_PATH: usize = 103;

#[cfg(unix)]
pub(super) async fn connect(path: &std::path::Path) -> std::io::Result<UnixStream> {
    UnixStream::connect(path).await
}
