//! The examples of the workspace.

use std::{env, path::PathBuf};

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
