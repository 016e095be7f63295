//! Finds a provider in a registry, as Terraform does: discovery, versions, download, checksum, signature.

mod archive;
mod discovery;
mod http;
mod signature;
mod versions;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use semver::Version;
use serde::{Deserialize, Deserializer};
use url::Url;

use http::Http;
use signature::SigningKeys;
use versions::{Platform, Versions};

/// A provider in a registry.
pub struct Source {
    registry: Url,
    namespace: String,
    name: String,
}

impl Source {
    /// `registry` is the name of a host, which is reached over HTTPS, or a URL with `http://` for one that has none.
    pub fn new(registry: &str, namespace: &str, name: &str) -> Result<Self> {
        let url = if registry.contains("://") { registry.to_owned() } else { format!("https://{registry}") };
        let url = Url::parse(&url).with_context(|| format!("{registry:?} is no registry"))?;
        let usable =
            ["http", "https"].contains(&url.scheme()) && url.host_str().is_some() && url.path() == "/";
        ensure!(usable, "{registry:?} is no registry: give the name of a host");
        for part in [namespace, name] {
            // They become parts of URLs and of paths.
            let plain = part.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
            ensure!(plain && !part.is_empty(), "{part:?} cannot be part of a provider's name");
        }
        Ok(Self { registry: url, namespace: namespace.to_lowercase(), name: name.to_lowercase() })
    }

    /// Its address, without which Terraform knows no provider.
    pub fn address(&self) -> String {
        format!("{}/{}/{}", self.host(), self.namespace, self.name)
    }

    /// `localhost:8080`
    fn host(&self) -> &str {
        &self.registry[url::Position::BeforeHost..url::Position::AfterPort]
    }

    /// The executable, from the cache or else from the registry. Without a version it is the newest stable one that speaks
    /// one of `protocols`. Blocks.
    pub fn install(&self, version: Option<Version>, protocols: &[u32], cache: &Path) -> Result<PathBuf> {
        let platform = Platform::current();
        let cached = cache.join(self.host().replace(':', "_")).join(&self.namespace).join(&self.name);
        let place = |version: &Version| cached.join(version.to_string()).join(platform.to_string());
        if let Some(version) = &version
            && let Some(program) = archive::find_program(&place(version), &self.name)
        {
            return Ok(program);
        }
        let http = Http::new(self.registry.scheme() == "https");
        let (versions, base) = self.versions(&http).map_err(|error| {
            let whole = |there: &Version| archive::find_program(&place(there), &self.name).is_some();
            match versions_in(&cached).filter(whole).max() {
                Some(there) if version.is_none() => error.context(format!(
                    "the cache has version {there}: ask for that to do without the registry"
                )),
                _ => error,
            }
        })?;
        let about = format!("provider {}", self.address());
        let version = versions.choose(version.as_ref(), &platform, protocols).context(about)?;
        let dir = place(&version);
        if let Some(program) = archive::find_program(&dir, &self.name) {
            return Ok(program);
        }
        fs::create_dir_all(cache).with_context(|| format!("cannot create {}", cache.display()))?;
        let mut archive = tempfile::tempfile_in(cache)?;
        self.download(&http, &base, &version, &platform, &mut archive)?;
        // What has its name in the cache is complete.
        let unpacked = tempfile::tempdir_in(cache)?;
        archive::unpack(archive, unpacked.path(), &self.name)?;
        dir.parent().map_or(Ok(()), fs::create_dir_all)?;
        match fs::rename(unpacked.path(), &dir) {
            Ok(()) => drop(unpacked.keep()),
            // Unless another process was faster.
            Err(error) => ensure!(dir.is_dir(), "cannot create {}: {error}", dir.display()),
        }
        archive::find_program(&dir, &self.name).context("the provider has left the cache")
    }

    fn versions(&self, http: &Http) -> Result<(Versions, Url)> {
        let base = discovery::providers(http, &self.registry)?;
        let url = base.join(&format!("{}/{}/versions", self.namespace, self.name))?;
        let found = http.document(&url)?;
        let (versions, _) = found.with_context(|| format!("there is no provider {}", self.address()))?;
        Ok((versions, base))
    }

    /// The archive, if its checksum is right and signed.
    fn download(
        &self,
        http: &Http,
        base: &Url,
        version: &Version,
        platform: &Platform,
        archive: &mut File,
    ) -> Result<()> {
        let Platform { os, arch } = platform;
        let path = format!("{}/{}/{version}/download/{os}/{arch}", self.namespace, self.name);
        let (package, url): (Package, Url) = http.document(&base.join(&path)?)?.with_context(|| {
            format!("the registry lists {} {version} and does not have it", self.address())
        })?;
        // The signature first: nothing large is fetched in vain.
        let sums = http.small(&url.join(&package.shasums_url)?)?;
        let signature = http.small(&url.join(&package.shasums_signature_url)?)?;
        package.signing_keys.verify(&sums, &signature)?;
        let expected = signature::checksum(&sums, &package.filename)?;
        ensure!(
            package.shasum.is_empty() || package.shasum.eq_ignore_ascii_case(&expected),
            "the registry and its signed SHA256SUMS have two checksums for {}",
            package.filename
        );

        let actual = http.large(&url.join(&package.download_url)?, archive)?;
        ensure!(
            actual.eq_ignore_ascii_case(&expected),
            "{} has the SHA-256 {actual} and should have {expected}",
            package.filename
        );
        Ok(())
    }
}

/// The versions in a provider's part of the cache, whole or not.
fn versions_in(cached: &Path) -> impl Iterator<Item = Version> {
    let entries = fs::read_dir(cached).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// Registries in Go write an empty list as `null`.
fn null_is_empty<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// What a registry says about one version for one platform. URLs may be relative to where it says so.
#[derive(Deserialize)]
struct Package {
    filename: String,
    download_url: String,
    shasums_url: String,
    shasums_signature_url: String,
    #[serde(default)]
    shasum: String,
    signing_keys: SigningKeys,
}

#[cfg(test)]
mod tests {
    use super::Source;

    #[test]
    fn a_registry_is_a_host_and_names_are_plain() {
        for (registry, address) in [
            ("registry.terraform.io", "registry.terraform.io/ns/name"),
            ("localhost:8443", "localhost:8443/ns/name"),
            ("http://127.0.0.1:8080", "127.0.0.1:8080/ns/name"),
        ] {
            assert_eq!(Source::new(registry, "NS", "name").unwrap().address(), address);
        }
        for (registry, namespace, name) in [
            ("", "ns", "name"),
            ("ftp://host", "ns", "name"),
            ("host/path", "ns", "name"),
            ("host", "", "name"),
            ("host", "..", "name"),
            ("host", "ns", "na/me"),
            ("host", "ns", "na?me"),
        ] {
            assert!(Source::new(registry, namespace, name).is_err(), "{registry} {namespace} {name}");
        }
    }
}
