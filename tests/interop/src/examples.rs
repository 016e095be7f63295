//! The examples of the workspace, and those of go-plugin.

use std::{env, path::PathBuf};

use crate::upstream;

/// The releases of go-plugin whose examples are tested. v1.0.1 links the yamux of 2018; what is between the two ends has other
/// gob types, log formats and handshake lines.
pub const RELEASES: [&str; 4] = ["v1.8.0", "v1.6.3", "v1.4.10", "v1.0.1"];

/// An example of go-plugin itself: `basic/plugin`, `grpc`, … in one of its releases.
///
/// # Panics
///
/// When Go is missing or it does not build.
pub fn upstream_example(path: &str, release: &str) -> PathBuf {
    upstream(&format!("github.com/hashicorp/go-plugin/examples/{path}"), release)
}

/// The executable of an example, as cargo built it for the profile of this test.
///
/// # Panics
///
/// When it has not been built.
pub fn example(name: &str) -> PathBuf {
    let test = env::current_exe().unwrap_or_else(|e| panic!("cannot find the running executable: {e}"));
    // target/debug/deps/TEST, target/debug/examples/NAME
    let profile = test.parent().and_then(|deps| deps.parent()).unwrap_or(&test);
    let path = profile.join("examples").join(name);
    assert!(
        path.exists(),
        "{} has not been built: `cargo test --workspace` does that, alone it is `cargo build --example {name}`",
        path.display()
    );
    path
}
