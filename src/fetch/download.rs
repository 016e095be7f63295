//! Getting bytes from where they are, with a limit on their number and on silence.

use crate::{Error, ErrorKind, Result};
use std::{
    fmt,
    fs::File,
    io::{self, Read, Write},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use ureq::{
    Agent,
    tls::{RootCerts, TlsConfig},
};

/// How long a server may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a server may be silent. A large file may take as long as it likes.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(30);

/// A signature is a few lines; this is generous, and little enough for memory.
pub(super) const SIGNATURE_LIMIT: u64 = 64 << 10;

/// Read at a time.
const CHUNK: usize = 64 << 10;

/// How far a download is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Bytes received.
    pub received: u64,
    /// Bytes in all, if the other side says so.
    pub total: Option<u64>,
}

pub(super) type OnProgress = Arc<dyn Fn(Progress) + Send + Sync>;

/// Set when nobody waits for the download any more.
#[derive(Clone, Default)]
pub(super) struct GivenUp(Arc<AtomicBool>);

/// Sets it when dropped.
pub(super) struct GiveUpOnDrop(pub(super) GivenUp);

impl Drop for GiveUpOnDrop {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// Something that can be fetched: a URL, or a path.
pub(super) struct Location<'a> {
    folder: &'a Path,
    text: &'a str,
}

impl fmt::Display for Location<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

impl<'a> Location<'a> {
    /// Relative paths start at `folder`.
    pub(super) fn new(folder: &'a Path, text: &'a str) -> Self {
        Self { folder, text }
    }

    /// Opens it, and says how long it is if that is known. Blocks.
    fn open(&self) -> Result<(Box<dyn Read + Send>, Option<u64>)> {
        if !["https://", "http://"].iter().any(|scheme| self.text.starts_with(scheme)) {
            let file = File::open(self.folder.join(self.text)).map_err(|cause| self.failed(cause))?;
            let length = file.metadata().map_err(|cause| self.failed(cause))?.len();
            return Ok((Box::new(file), Some(length)));
        }
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier) // the system's, to which companies add theirs
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .build();
        let agent: Agent = Agent::config_builder()
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_recv_response(Some(SILENCE_TIMEOUT))
            .timeout_per_read(Some(SILENCE_TIMEOUT))
            .user_agent(concat!("go-plugin-rs/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls)
            .build()
            .into();
        let body = agent.get(self.text).call().map_err(|cause| self.failed(cause))?.into_body();
        let length = body.content_length();
        Ok((Box::new(body.into_with_config().limit(u64::MAX).reader()), length))
    }

    /// Copies it to `to`. Blocks.
    pub(super) fn copy(
        &self,
        to: &mut dyn Write,
        limit: u64,
        progress: Option<&OnProgress>,
        given_up: &GivenUp,
    ) -> Result<()> {
        let (mut from, total) = self.open()?;
        let mut received = 0;
        let mut chunk = vec![0; CHUNK];
        loop {
            if given_up.0.load(Ordering::Relaxed) {
                return Err(Error::new(ErrorKind::Cancelled, format!("the download of {self} was given up")));
            }
            let length = match from.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(length) => length,
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => continue,
                Err(cause) => return Err(self.failed(cause)),
            };
            received += length as u64;
            if received > limit {
                return Err(Error::new(ErrorKind::Security, format!("{self} is longer than {limit} bytes")));
            }
            to.write_all(&chunk[..length])?;
            if let Some(progress) = progress {
                progress(Progress { received, total });
            }
        }
    }

    fn failed(&self, cause: impl std::error::Error + Send + Sync + 'static) -> Error {
        Error::new(ErrorKind::Io, format!("cannot fetch {self}: {cause}")).with_source(cause)
    }
}
