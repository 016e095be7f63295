//! Checks that everything the published crates link builds with the Rust version they promise.
//!
//! The compiler's own side of that promise (no newer language or library feature) is clippy's `incompatible_msrv`.

#![allow(clippy::print_stdout)] // its answer to whoever runs it

use std::{collections::BTreeSet, env, process::Command};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

pub(crate) fn run() -> Result<()> {
    let metadata = Metadata::read()?;
    let mut checked = 0;
    let mut faults = BTreeSet::new();
    for id in &metadata.workspace_members {
        let Some(root) = metadata.package(id).filter(|package| published(package)) else { continue };
        let Some(promised) = root.rust_version.as_deref() else {
            faults.insert(format!("{} states no rust-version", root.name));
            continue;
        };
        for package in linked(&metadata, id) {
            checked += 1;
            if package.rust_version.as_deref().is_some_and(|needed| parts(needed) > parts(promised)) {
                let needed = package.rust_version.as_deref().unwrap_or_default();
                faults.insert(format!(
                    "{} promises Rust {promised} and links {} {}, which needs {needed}",
                    root.name, package.name, package.version
                ));
            }
        }
    }
    if !faults.is_empty() {
        bail!("{}", faults.into_iter().collect::<Vec<_>>().join("\n"));
    }
    println!("{checked} dependencies build with the promised Rust version");
    Ok(())
}

fn published(package: &Package) -> bool {
    package.publish.as_ref().is_none_or(|registries| !registries.is_empty())
}

/// Everything that is compiled for a user of `root`; not what its tests need.
fn linked<'a>(metadata: &'a Metadata, root: &str) -> Vec<&'a Package> {
    let mut seen = BTreeSet::from([root.to_owned()]);
    let mut queue = vec![root.to_owned()];
    while let Some(id) = queue.pop() {
        let node = metadata.resolve.nodes.iter().find(|node| node.id == id);
        for dependency in node.into_iter().flat_map(|node| &node.deps) {
            let for_users = dependency.dep_kinds.iter().any(|kind| kind.kind.as_deref() != Some("dev"));
            if for_users && seen.insert(dependency.pkg.clone()) {
                queue.push(dependency.pkg.clone());
            }
        }
    }
    seen.iter().filter_map(|id| metadata.package(id)).collect()
}

/// Without zeros at the end: 1.88 is 1.88.0.
fn parts(version: &str) -> Vec<u32> {
    let mut parts: Vec<u32> = version.split('.').filter_map(|part| part.parse().ok()).collect();
    while parts.last() == Some(&0) {
        parts.pop();
    }
    parts
}

/// `cargo metadata`, as far as the tasks need it.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_members: Vec<String>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    rust_version: Option<String>,
    /// Absent: may be published anywhere. Empty: nowhere.
    publish: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
struct DependencyKind {
    /// `dev`, `build`, or absent for what is linked.
    kind: Option<String>,
}

impl Metadata {
    fn read() -> Result<Self> {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo).args(["metadata", "--format-version=1", "--locked"]).output()?;
        ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).context("cargo metadata prints something unexpected")
    }

    fn package(&self, id: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.id == id)
    }
}
