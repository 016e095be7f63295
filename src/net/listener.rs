//! Where a plugin listens: a Unix socket in a directory of the host's choice, or a TCP port in its range.

use super::{
    Connection,
    unix::{MAX_SOCKET_PATH, UnixListener},
};
use crate::{Address, Error, ErrorKind, Result, handshake::env};
use std::{
    io,
    net::{IpAddr, Ipv4Addr},
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::net::TcpListener;

#[cfg(unix)]
use {
    super::Pipes,
    std::{
        future,
        sync::{Mutex, PoisonError},
    },
};

/// Whether plugins listen on Unix sockets unless told otherwise. As in Go.
pub(crate) const UNIX_BY_DEFAULT: bool = cfg!(unix);

/// Pause after a failed accept: the usual reason, too many open files, does not go away at once.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What the host's environment asks of a plugin's listeners.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ListenOptions {
    min_port: u16,
    max_port: u16,
    socket_dir: Option<PathBuf>,
    socket_group: Option<String>,
    tcp: bool,
    /// The interface; that of this machine alone if none is named.
    ip: Option<IpAddr>,
}

impl ListenOptions {
    /// Reads the protocol's variables through `var`, for Unix sockets or for TCP. A port range is only looked at where it is used.
    pub(crate) fn from_env(unix: bool, var: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let set = |name: &str| var(name).filter(|value| !value.is_empty());
        let mut options = Self {
            socket_dir: set(env::UNIX_SOCKET_DIR).map(PathBuf::from),
            socket_group: set(env::UNIX_SOCKET_GROUP),
            tcp: !unix,
            ..Self::default()
        };
        if options.tcp {
            let port = |name: &str| match set(name) {
                None => Ok(0),
                Some(text) => text.parse::<u16>().map_err(|cause| {
                    listen_error(format!("couldn't get value from {name}: {cause}")).with_source(cause)
                }),
            };
            (options.min_port, options.max_port) = (port(env::MIN_PORT)?, port(env::MAX_PORT)?);
            if options.min_port > options.max_port {
                return Err(listen_error(format!(
                    "{} value of {} is greater than {} value of {}",
                    env::MIN_PORT,
                    options.min_port,
                    env::MAX_PORT,
                    options.max_port
                )));
            }
        }
        Ok(options)
    }

    /// Unix sockets in `dir`.
    #[cfg(any(feature = "grpc", feature = "testing", test))]
    pub(crate) fn in_dir(dir: PathBuf) -> Self {
        Self { socket_dir: Some(dir), ..Self::default() }
    }

    /// TCP for this machine alone, on a port that the system chooses.
    #[cfg(any(feature = "grpc", feature = "testing"))]
    pub(crate) fn any_port() -> Self {
        Self { tcp: true, ..Self::default() }
    }

    /// The same for the members of a group.
    #[cfg(feature = "grpc")]
    pub(crate) fn for_group(mut self, group: Option<String>) -> Self {
        self.socket_group = group;
        self
    }

    /// TCP on the first free port of `ports` instead, reachable through `ip`.
    pub(crate) fn on_tcp(self, ip: IpAddr, ports: RangeInclusive<u16>) -> Self {
        Self { tcp: true, ip: Some(ip), min_port: *ports.start(), max_port: *ports.end(), ..self }
    }

    /// [`Self::from_env`] with this process's environment.
    pub(crate) fn from_process_env(unix: bool) -> Result<Self> {
        Self::from_env(unix, |name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }
}

fn listen_error(text: String) -> Error {
    Error::new(ErrorKind::Io, text)
}

/// A bound listener. Dropping it removes the socket file.
#[derive(Debug)]
pub(crate) enum Listener {
    Unix(tempfile::NamedTempFile<UnixListener>),
    Tcp(TcpListener),
    /// The one connection that there is, until it is accepted.
    #[cfg(unix)]
    Stdio(Mutex<Option<Pipes>>),
}

impl Listener {
    /// For the connection over standard input and output.
    #[cfg(unix)]
    pub(crate) fn over(stdio: Pipes) -> Self {
        Self::Stdio(Mutex::new(Some(stdio)))
    }

    /// Whether no second host can connect when the first has gone.
    #[cfg(feature = "netrpc")]
    pub(crate) fn has_one_connection(&self) -> bool {
        #[cfg(unix)]
        return matches!(self, Self::Stdio(_));
        #[cfg(not(unix))]
        false
    }

    /// Binds as the options say, without waiting for anything. Must be called within a tokio runtime.
    pub(crate) fn bind(options: &ListenOptions) -> Result<Self> {
        if !options.tcp {
            return bind_unix(options);
        }
        // Both bounds unset: the system chooses.
        let ip = options.ip.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        for port in options.min_port..=options.max_port {
            match std::net::TcpListener::bind((ip, port)) {
                Ok(listener) => {
                    listener.set_nonblocking(true)?;
                    return Ok(Self::Tcp(TcpListener::from_std(listener)?));
                }
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                Err(error) => {
                    let text = format!("couldn't bind plugin TCP listener: {error}");
                    return Err(listen_error(text).with_source(error));
                }
            }
        }
        Err(listen_error("couldn't bind plugin TCP listener".to_owned()))
    }

    /// What the handshake line says.
    pub(crate) fn address(&self) -> io::Result<Address> {
        match self {
            Self::Unix(listener) => Ok(Address::Unix(listener.path().to_owned())),
            Self::Tcp(listener) => Ok(Address::Tcp(listener.local_addr()?.to_string())),
            #[cfg(unix)]
            Self::Stdio(_) => Ok(Address::Stdio),
        }
    }

    /// The next connection. Cancel safe.
    pub(crate) async fn accept(&self) -> io::Result<Connection> {
        match self {
            Self::Unix(listener) => Ok(Connection::unix(listener.as_file().accept().await?.0)),
            Self::Tcp(listener) => {
                let stream = listener.accept().await?.0;
                stream.set_nodelay(true)?;
                Ok(Connection::Tcp(stream))
            }
            #[cfg(unix)]
            Self::Stdio(pipes) => {
                let pipes = pipes.lock().unwrap_or_else(PoisonError::into_inner).take();
                match pipes {
                    Some(pipes) => Ok(Connection::Pipes(pipes)),
                    // Without a limit: who waits has its own reasons to end.
                    None => future::pending().await,
                }
            }
        }
    }
}

fn bind_unix(options: &ListenOptions) -> Result<Listener> {
    let dir = options.socket_dir.clone().unwrap_or_else(std::env::temp_dir);
    let listener = tempfile::Builder::new()
        .prefix("plugin")
        .make_in(&dir, |path| {
            check_path_length(path)?;
            UnixListener::bind(path)
        })
        .map_err(|error| {
            let text = format!("cannot listen on a Unix socket in {}: {error}", dir.display());
            listen_error(text).with_source(error)
        })?;
    #[cfg(unix)] // elsewhere there are no groups in this sense
    if let Some(group) = &options.socket_group {
        give_to_group(listener.path(), group, READ_WRITE_FOR_OWNER_AND_GROUP)?;
    }
    Ok(Listener::Unix(listener))
}

/// A path that is cut off would be bound, or refused, with an error that names nothing.
fn check_path_length(path: &Path) -> io::Result<()> {
    let length = path.as_os_str().as_encoded_bytes().len();
    if length <= MAX_SOCKET_PATH {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        format!(
            "the path {} has {length} bytes, a Unix socket's may have {MAX_SOCKET_PATH}: set TMPDIR or {} to a shorter directory",
            path.display(),
            env::UNIX_SOCKET_DIR,
        ),
    ))
}

/// What it takes to connect to a socket.
#[cfg(unix)]
const READ_WRITE_FOR_OWNER_AND_GROUP: u32 = 0o660;

/// Lets the members of a group in: the plugin may run as another user than its host.
#[cfg(unix)]
pub(super) fn give_to_group(path: &Path, group: &str, mode: u32) -> Result<()> {
    use std::os::unix::fs::{PermissionsExt, chown};

    let gid = match group.parse::<u32>() {
        Ok(gid) => gid,
        Err(_) => match nix::unistd::Group::from_name(group) {
            Ok(Some(found)) => found.gid.as_raw(),
            Ok(None) => {
                return Err(listen_error(format!("failed to find gid from {group:?}: no such group")));
            }
            Err(error) => {
                return Err(
                    listen_error(format!("failed to find gid from {group:?}: {error}")).with_source(error)
                );
            }
        },
    };
    chown(path, None, Some(gid))?;
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode))?;
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    fn in_dir(dir: &Path) -> ListenOptions {
        ListenOptions::in_dir(dir.to_owned())
    }

    #[tokio::test]
    async fn the_socket_is_made_in_the_hosts_directory_and_removed_on_drop() {
        let dir = tempfile::tempdir().unwrap();
        let listener = Listener::bind(&in_dir(dir.path())).unwrap();
        let address = listener.address().unwrap();
        let path = address.as_unix().unwrap().to_owned();
        assert_eq!(path.parent(), Some(dir.path()));
        assert!(path.file_name().unwrap().to_str().unwrap().starts_with("plugin"));

        let mut host = Connection::dial(&address, std::time::Duration::from_secs(10)).await.unwrap();
        let mut plugin = listener.accept().await.unwrap();
        host.write_all(b"hello").await.unwrap();
        let mut got = [0; 5];
        plugin.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"hello");

        drop(listener);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_group_gets_read_and_write() {
        let dir = tempfile::tempdir().unwrap();
        let gid = nix::unistd::getgid().as_raw();
        let options = ListenOptions { socket_group: Some(gid.to_string()), ..in_dir(dir.path()) };
        let listener = Listener::bind(&options).unwrap();
        let meta = std::fs::metadata(listener.address().unwrap().as_unix().unwrap()).unwrap();
        assert_eq!(meta.permissions().mode() & 0o777, 0o660);
        assert_eq!(meta.gid(), gid);
    }

    #[tokio::test]
    async fn an_unknown_group_is_named_in_the_error() {
        let dir = tempfile::tempdir().unwrap();
        let options = ListenOptions { socket_group: Some("no such group".into()), ..in_dir(dir.path()) };
        let error = Listener::bind(&options).unwrap_err();
        assert!(error.to_string().starts_with("failed to find gid from \"no such group\""), "{error}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_path_too_long_for_a_socket_is_refused_with_advice() {
        let dir = tempfile::tempdir().unwrap();
        let long = dir.path().join("d".repeat(120));
        std::fs::create_dir(&long).unwrap();
        let error = Listener::bind(&in_dir(&long)).unwrap_err();
        assert!(error.to_string().contains("set TMPDIR or PLUGIN_UNIX_SOCKET_DIR"), "{error}");
    }

    #[tokio::test]
    async fn a_tcp_listener_takes_the_first_free_port_of_its_range() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = taken.local_addr().unwrap().port();
        let options = ListenOptions {
            min_port: port,
            max_port: port.saturating_add(50),
            tcp: true,
            ..ListenOptions::default()
        };
        let listener = Listener::bind(&options).unwrap();
        let address = listener.address().unwrap().to_string();
        let got: u16 = address.strip_prefix("127.0.0.1:").unwrap().parse().unwrap();
        assert!(got > port && got <= options.max_port);
    }

    #[test]
    fn the_environment_is_read_as_the_host_wrote_it() {
        let var = |name: &str| match name {
            env::UNIX_SOCKET_DIR => Some("/run/plugins".into()),
            env::MIN_PORT => Some("10000".into()),
            env::MAX_PORT => Some("25000".into()),
            env::UNIX_SOCKET_GROUP => Some(String::new()),
            _ => None,
        };
        let unix = in_dir(Path::new("/run/plugins"));
        assert_eq!(ListenOptions::from_env(true, var).unwrap(), unix);
        let tcp = ListenOptions { tcp: true, min_port: 10000, max_port: 25000, ..unix };
        assert_eq!(ListenOptions::from_env(false, var).unwrap(), tcp);
    }

    #[test]
    fn a_port_range_is_only_looked_at_where_it_is_used() {
        for (min, max, part) in
            [("x", "2", "couldn't get value from PLUGIN_MIN_PORT"), ("3", "2", "is greater than")]
        {
            let var = |name: &str| match name {
                env::MIN_PORT => Some(min.to_owned()),
                env::MAX_PORT => Some(max.to_owned()),
                _ => None,
            };
            assert!(ListenOptions::from_env(true, var).is_ok());
            let error = ListenOptions::from_env(false, var).unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
