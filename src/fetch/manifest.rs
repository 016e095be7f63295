//! What plugins there are.

use crate::{Checksum, Error, ErrorKind, Result};
use semver::{Version, VersionReq};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// The plugins of a host, by name: which releases there are of each, and which of them will do.
///
/// As JSON (or in any other format, through serde):
///
/// ```
/// let manifest: go_plugin::fetch::Manifest = serde_json::from_str(r#"{
///     "plugins": {
///         "greeter": {
///             "constraint": ">=1.1, <2",
///             "releases": [
///                 {
///                     "version": "1.0.0",
///                     "command": "greeter-1.0.0",
///                     "checksum": "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
///                 },
///                 {
///                     "version": "1.2.0",
///                     "command": "bin/greeter",
///                     "args": ["--quiet"],
///                     "source": {
///                         "location": "https://example.org/greeter_1.2.0.tar.gz",
///                         "checksum": "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
///                         "signature": "https://example.org/greeter_1.2.0.tar.gz.minisig"
///                     }
///                 }
///             ]
///         }
///     }
/// }"#)?;
/// assert_eq!(manifest.select("greeter")?.version.to_string(), "1.2.0");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The plugins by name.
    pub plugins: BTreeMap<String, PluginReleases>,
    /// Where relative paths start: the folder of the file that the manifest was [loaded](Manifest::load) from.
    #[serde(skip)]
    pub folder: PathBuf,
}

/// What there is of one plugin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PluginReleases {
    /// The versions that the host can do with; all by default.
    #[serde(default)]
    pub constraint: VersionReq,
    /// The versions there are, in any order.
    pub releases: Vec<Release>,
}

/// One version of a plugin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// Its semantic version.
    pub version: Version,
    /// The program: a path in the archive, or without a [`source`](Self::source) one that is relative to the manifest.
    pub command: PathBuf,
    /// Arguments for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// What the program must hash to: an algorithm and hexadecimal digits, such as `sha256:…`. Necessary without a source. With one,
    /// it protects the unpacked program in the cache too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
    /// The archive that holds the program; without one it is there already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
}

/// An archive: `.zip`, `.tar.gz` or `.tgz`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// A URL with `https:` or `http:`, or a path that is relative to the manifest.
    pub location: String,
    /// What the archive must hash to, such as `sha256:…`.
    pub checksum: String,
    /// Where its [minisign](https://jedisct1.github.io/minisign/) signature is; like `location`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

impl Manifest {
    /// Reads a manifest in JSON.
    ///
    /// # Errors
    /// [`Io`](ErrorKind::Io) if it cannot be read, [`Misuse`](ErrorKind::Misuse) with place and reason if it is no manifest.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let json = fs::read(path).map_err(|cause| {
            Error::new(ErrorKind::Io, format!("cannot read {}: {cause}", path.display())).with_source(cause)
        })?;
        let mut manifest: Self = serde_json::from_slice(&json).map_err(|cause| {
            Error::misuse(format!("{} is no manifest of plugins: {cause}", path.display())).with_source(cause)
        })?;
        manifest.folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Ok(manifest)
    }

    /// The newest release of the plugin `name` that fits its constraint.
    ///
    /// # Errors
    /// [`UnknownPlugin`](ErrorKind::UnknownPlugin); [`AppVersion`](ErrorKind::AppVersion) if no release fits.
    pub fn select(&self, name: &str) -> Result<&Release> {
        let unknown = || Error::new(ErrorKind::UnknownPlugin, format!("unknown plugin type: {name}"));
        let PluginReleases { constraint, releases } = self.plugins.get(name).ok_or_else(unknown)?;
        let fitting = releases.iter().filter(|release| constraint.matches(&release.version));
        fitting.max_by(|a, b| a.version.cmp(&b.version)).ok_or_else(|| {
            let versions: Vec<_> = releases.iter().map(|release| release.version.to_string()).collect();
            let text = format!(
                "no release of plugin {name:?} fits {constraint}: there are [{}]",
                versions.join(" ")
            );
            Error::new(ErrorKind::AppVersion, text)
        })
    }
}

impl Release {
    pub(super) fn checksum(&self) -> Result<Option<Checksum>> {
        self.checksum.as_deref().map(str::parse).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(constraint: &str, versions: &[&str]) -> Manifest {
        let release = |version: &&str| Release {
            version: version.parse().unwrap(),
            command: "x".into(),
            args: Vec::new(),
            checksum: None,
            source: None,
        };
        let releases = versions.iter().map(release).collect();
        let plugin = PluginReleases { constraint: constraint.parse().unwrap(), releases };
        Manifest { plugins: [("x".to_owned(), plugin)].into(), folder: PathBuf::new() }
    }

    #[test]
    fn the_newest_release_that_fits_is_selected() {
        for (constraint, versions, expected) in [
            ("*", &["1.9.0", "1.10.0", "1.2.0"][..], "1.10.0"),
            (">=1.1, <2", &["2.0.0", "1.1.0", "1.0.9"], "1.1.0"),
            ("^1", &["1.0.0", "1.1.0-rc.1"], "1.0.0"),
            ("=1.1.0-rc.1", &["1.0.0", "1.1.0-rc.1"], "1.1.0-rc.1"),
        ] {
            let manifest = manifest(constraint, versions);
            assert_eq!(manifest.select("x").unwrap().version.to_string(), expected, "{constraint}");
        }
    }

    #[test]
    fn a_constraint_that_nothing_fits_is_an_error_with_both() {
        let error = manifest("^3", &["1.0.0", "2.0.0"]).select("x").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AppVersion);
        assert_eq!(error.to_string(), "no release of plugin \"x\" fits ^3: there are [1.0.0 2.0.0]");
        assert_eq!(manifest("*", &[]).select("y").unwrap_err().kind(), ErrorKind::UnknownPlugin);
    }

    #[test]
    fn a_file_that_is_no_manifest_is_named_with_the_place() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plugins.json");
        assert_eq!(Manifest::load(&path).unwrap_err().kind(), ErrorKind::Io);
        for json in [
            "{}",
            r#"{"plugins": {"x": {"releases": [], "typo": 1}}}"#,
            r#"{"plugins": {"x": {"constraint": "new"}}}"#,
        ] {
            fs::write(&path, json).unwrap();
            let error = Manifest::load(&path).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Misuse);
            assert!(
                error.to_string().contains("plugins.json") && error.to_string().contains("line 1"),
                "{error}"
            );
        }
    }
}
