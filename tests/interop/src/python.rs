//! Python, with packages from PyPI.

use std::{
    hash::{DefaultHasher, Hash},
    path::{Path, PathBuf},
    process::Command,
};

use crate::build::{cached, hash_tree};

/// What grpcio asks for.
const NEEDS_PYTHON: &str = "one test runs a plugin in Python: install Python 3.9 or newer with its module `venv` \
     (https://www.python.org/downloads; on Debian the package python3-venv) and put `python3` on PATH";

/// A Python that has the packages of a `requirements.txt`, in an environment of its own that is made once.
///
/// # Panics
///
/// When Python is missing or the packages cannot be installed; the text holds what pip said.
pub fn python_with(requirements: &Path) -> PathBuf {
    let mut version = Command::new("python3");
    version
        .args(["-c", "import sys, venv, ensurepip; assert sys.version_info >= (3, 9); print(sys.version)"]);
    let version = match version.output() {
        Ok(output) if output.status.success() => output.stdout,
        Ok(output) => panic!("{NEEDS_PYTHON} ({})", String::from_utf8_lossy(&output.stderr)),
        Err(error) => panic!("{NEEDS_PYTHON} ({error})"),
    };
    let mut key = DefaultHasher::new();
    version.hash(&mut key);
    hash_tree(requirements, &mut key);
    // Only `bin/python` is used of the environment: its other programs name the folder, which is about to be renamed.
    cached("python", key, "bin/python", |out| {
        let script =
            r#"python3 -m venv "$0" && "$0/bin/python" -m pip install --disable-pip-version-check -r "$1""#;
        let mut install = Command::new("sh");
        install.args(["-c", script]).arg(out).arg(requirements);
        install
    })
}
