//! Which version it shall be.

use std::{collections::BTreeSet, env::consts, fmt};

use anyhow::{Context as _, Result, bail, ensure};
use semver::Version;
use serde::Deserialize;

use super::null_is_empty;

/// All versions of a provider, as a registry lists them.
#[derive(Deserialize)]
pub(super) struct Versions {
    #[serde(deserialize_with = "null_is_empty")]
    versions: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    version: String,
    /// `5.0`; of the registry's first years some have none.
    #[serde(default, deserialize_with = "null_is_empty")]
    protocols: Vec<String>,
    #[serde(default, deserialize_with = "null_is_empty")]
    platforms: Vec<Platform>,
}

/// An operating system on a processor, under Go's names.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) struct Platform {
    pub(super) os: String,
    pub(super) arch: String,
}

impl Platform {
    /// That of this program.
    pub(super) fn current() -> Self {
        let os = match consts::OS {
            "macos" => "darwin",
            os => os,
        };
        let arch = match consts::ARCH {
            "x86_64" => "amd64",
            "x86" => "386",
            "aarch64" => "arm64",
            arch => arch,
        };
        Self { os: os.into(), arch: arch.into() }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.os, self.arch)
    }
}

impl Entry {
    fn speaks_one_of(&self, protocols: &[u32]) -> bool {
        let major = |version: &String| version.split('.').next().and_then(|major| major.parse().ok());
        self.protocols.is_empty()
            || self.protocols.iter().filter_map(major).any(|major| protocols.contains(&major))
    }
}

impl Versions {
    /// The version asked for, or else the newest stable one, of those that can be used here.
    pub(super) fn choose(
        self,
        wanted: Option<&Version>,
        platform: &Platform,
        protocols: &[u32],
    ) -> Result<Version> {
        // What is no version is none that anybody can ask for.
        let parse = |entry: Entry| Some((entry.version.parse::<Version>().ok()?, entry));
        let mut entries: Vec<_> = self.versions.into_iter().filter_map(parse).collect();
        entries.sort_by(|(a, _), (b, _)| b.cmp(a));
        match wanted {
            Some(wanted) => {
                let newest = entries.first().map(|(version, _)| version.clone());
                entries.retain(|(version, _)| version == wanted);
                let newest = newest.context("the registry has no version")?;
                ensure!(!entries.is_empty(), "there is no version {wanted}, the newest is {newest}");
            }
            None => entries.retain(|(version, _)| version.pre.is_empty()),
        }
        let mut offered = BTreeSet::new();
        offered.extend(entries.iter().flat_map(|(_, entry)| entry.protocols.clone()));
        entries.retain(|(_, entry)| entry.speaks_one_of(protocols));
        if entries.is_empty() {
            bail!("no version speaks protocol {}, but {}", list(protocols), list(&offered));
        }
        let built: BTreeSet<_> = entries.iter().flat_map(|(_, entry)| entry.platforms.clone()).collect();
        let fits = entries.into_iter().find(|(_, entry)| entry.platforms.contains(platform));
        match fits {
            Some((version, _)) => Ok(version),
            None => bail!("no version is built for {platform}, but for {}", list(&built)),
        }
    }
}

fn list<T: fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<_> = items.into_iter().map(|item| item.to_string()).collect();
    if items.is_empty() { "nothing".into() } else { items.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(list: &[(&str, &[&str], &[&str])]) -> Versions {
        let entry = |(version, protocols, platforms): &(&str, &[&str], &[&str])| Entry {
            version: (*version).into(),
            protocols: protocols.iter().map(|&protocol| protocol.into()).collect(),
            platforms: platforms
                .iter()
                .map(|os| Platform { os: (*os).into(), arch: "amd64".into() })
                .collect(),
        };
        Versions { versions: list.iter().map(entry).collect() }
    }

    fn choose(list: &[(&str, &[&str], &[&str])], wanted: Option<&str>) -> Result<String, String> {
        let wanted = wanted.map(|wanted| wanted.parse().unwrap());
        let platform = Platform { os: "linux".into(), arch: "amd64".into() };
        let chosen = versions(list).choose(wanted.as_ref(), &platform, &[4, 5, 6]);
        chosen.map(|version| version.to_string()).map_err(|error| error.to_string())
    }

    const LINUX: &[&str] = &["darwin", "linux"];

    #[test]
    fn the_newest_stable_version_that_fits_is_chosen() {
        let list: &[(&str, &[&str], &[&str])] = &[
            ("1.9.0", &["5.0"], LINUX),
            ("1.10.0", &["6.0"], LINUX),
            ("1.11.0", &["6.0"], &["plan9"]),
            ("1.12.0", &["7.0"], LINUX),
            ("2.0.0-beta1", &["6.0"], LINUX),
            ("nonsense", &["6.0"], LINUX),
        ];
        for (wanted, chosen) in [
            (None, Ok("1.10.0")),
            (Some("1.9.0"), Ok("1.9.0")),
            (Some("2.0.0-beta1"), Ok("2.0.0-beta1")),
            (Some("3.0.0"), Err("there is no version 3.0.0, the newest is 2.0.0-beta1")),
            (Some("1.11.0"), Err("no version is built for linux_amd64, but for plan9_amd64")),
            (Some("1.12.0"), Err("no version speaks protocol 4, 5, 6, but 7.0")),
        ] {
            assert_eq!(choose(list, wanted), chosen.map(str::to_owned).map_err(str::to_owned), "{wanted:?}");
        }
    }

    #[test]
    fn a_version_without_protocols_may_speak_any() {
        assert_eq!(choose(&[("1.0.0", &[], LINUX)], None), Ok("1.0.0".into()));
        assert_eq!(choose(&[], None), Err("no version speaks protocol 4, 5, 6, but nothing".into()));
    }
}
