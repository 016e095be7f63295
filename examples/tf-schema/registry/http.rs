//! Fetching, with a limit on size and time for everything.

use std::{
    io::{self, Read, Write},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use ureq::{
    Agent, Body, ResponseExt as _,
    http::{Response, StatusCode},
    tls::{RootCerts, TlsConfig},
};
use url::Url;

/// The longest list of versions there is has about a megabyte.
const DOCUMENT_LIMIT: u64 = 16 << 20;

/// A line for each platform, and a signature.
const SMALL_LIMIT: u64 = 1 << 20;

/// The largest provider there is has about 200 MB.
const LARGE_LIMIT: u64 = 2 << 30;

/// How long to wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the other side may be silent: a large file may take as long as it likes.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) struct Http(Agent);

impl Http {
    /// `secure`: whatever the other side says, nothing is fetched without TLS.
    pub(super) fn new(secure: bool) -> Self {
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier) // that of the system, to which companies add theirs
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .build();
        let config = Agent::config_builder()
            .https_only(secure)
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_recv_response(Some(SILENCE_TIMEOUT))
            .timeout_per_read(Some(SILENCE_TIMEOUT))
            .user_agent(concat!("tf-schema/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls);
        Self(config.build().into())
    }

    /// A document in JSON and where it was in the end, or none if there is none.
    pub(super) fn document<T: DeserializeOwned>(&self, url: &Url) -> Result<Option<(T, Url)>> {
        let mut response = self.get(url)?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        accept(url, &response)?;
        let at = response.get_uri().to_string().parse()?;
        let json = read(&mut response, DOCUMENT_LIMIT).with_context(|| format!("cannot read {url}"))?;
        let document = serde_json::from_slice(&json).with_context(|| format!("{url} makes no sense"))?;
        Ok(Some((document, at)))
    }

    /// A small file.
    pub(super) fn small(&self, url: &Url) -> Result<Vec<u8>> {
        let mut response = self.get(url)?;
        accept(url, &response)?;
        read(&mut response, SMALL_LIMIT).with_context(|| format!("cannot read {url}"))
    }

    /// Writes a large file and says its SHA-256, with a progress bar on a terminal.
    pub(super) fn large(&self, url: &Url, file: &mut impl Write) -> Result<String> {
        let mut response = self.get(url)?;
        accept(url, &response)?;
        let body = response.body_mut();
        let progress = match body.content_length() {
            Some(length) => ProgressBar::new(length),
            None => ProgressBar::no_length(),
        };
        progress.set_style(ProgressStyle::with_template(
            "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
        )?);
        progress.set_message(
            url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default().to_owned(),
        );
        let mut hashing = Hashing { file, hash: Sha256::new() };
        let mut body = progress.wrap_read(body.with_config().limit(LARGE_LIMIT).reader());
        let copied = io::copy(&mut body, &mut hashing);
        progress.finish_and_clear();
        copied.with_context(|| format!("cannot download {url}"))?;
        Ok(hashing.hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    fn get(&self, url: &Url) -> Result<Response<Body>> {
        self.0.get(url.as_str()).call().with_context(|| format!("cannot reach {url}"))
    }
}

fn accept(url: &Url, response: &Response<Body>) -> Result<()> {
    ensure!(response.status().is_success(), "{url} answers with {}", response.status());
    Ok(())
}

fn read(response: &mut Response<Body>, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    response.body_mut().as_reader().take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        bail!("longer than {limit} bytes");
    }
    Ok(bytes)
}

struct Hashing<'a, W> {
    file: &'a mut W,
    hash: Sha256,
}

impl<W: Write> Write for Hashing<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
