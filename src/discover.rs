//! Finding plugins by the names of their files.

use crate::{Error, Result};
use glob::{MatchOptions, Pattern, glob_with};
use std::path::{self, Path, PathBuf};
use tracing::debug;

/// A file that [`discover`] found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Discovered {
    /// Where it is; absolute.
    pub path: PathBuf,
    /// Whether this process may run it: a file, not a folder, with the permission to execute it. On Windows, which has no
    /// such permission, a file whose extension says that it is a program.
    pub executable: bool,
}

/// The files in `dir` whose names match `glob`, in alphabetical order. Go's `plugin.Discover`, which does not tell what
/// can be executed.
///
/// ```no_run
/// # fn main() -> go_plugin::Result<()> {
/// for found in go_plugin::discover("*.po", "./bin")?.into_iter().filter(|found| found.executable) {
///     println!("{}", found.path.display()); // `.command(found.path)` starts it
/// }
/// # Ok(())
/// # }
/// ```
///
/// `*` is any text, `?` any character, `[a-z]` and `[!a-z]` one of some; a `/` in the pattern goes into folders, and
/// `**/` into all of them. Nothing in `dir` has a special meaning. What cannot be read is left out, as in Go; so a folder
/// that does not exist has no plugins.
///
/// # Errors
/// [`Misuse`](crate::ErrorKind::Misuse) for a pattern that is none or that is absolute, and for a path that is not UTF-8;
/// [`Io`](crate::ErrorKind::Io) if there is no current folder for a relative `dir` to be in.
pub fn discover(glob: &str, dir: impl AsRef<Path>) -> Result<Vec<Discovered>> {
    if Path::new(glob).has_root() {
        let text = format!("{glob:?} is absolute: give the folder as `dir` and the rest as the pattern");
        return Err(Error::misuse(text));
    }
    // An empty path is the current folder, as in Go.
    let dir = match dir.as_ref() {
        dir if dir.as_os_str().is_empty() => Path::new("."),
        dir => dir,
    };
    let dir = path::absolute(dir)?;
    let Some(folder) = dir.to_str() else {
        let text = format!("cannot look for plugins in {}: the path is not UTF-8", dir.display());
        return Err(Error::misuse(text));
    };
    let pattern = Path::new(&Pattern::escape(folder)).join(glob.trim_start_matches("./"));
    let found = glob_with(&pattern.to_string_lossy(), MatchOptions::new())
        .map_err(|error| Error::misuse(format!("{glob:?} is no pattern for file names: {error}")))?;
    let readable = found.filter_map(|found| match found {
        Ok(path) => Some(path),
        Err(error) => {
            debug!(%error, "cannot look for plugins there");
            None
        }
    });
    Ok(readable.map(|path| Discovered { executable: is_executable(&path), path }).collect())
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use rustix::fs::{Access, access};
    path.is_file() && access(path, Access::EXEC_OK).is_ok()
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    let program = |extension: &std::ffi::OsStr| {
        ["exe", "com", "bat", "cmd"].iter().any(|known| extension.eq_ignore_ascii_case(known))
    };
    path.is_file() && path.extension().is_some_and(program)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    #[cfg(unix)]
    use std::fs;

    #[cfg(unix)]
    fn names(found: &[Discovered], dir: &Path) -> Vec<(String, bool)> {
        let name = |path: &Path| path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
        found.iter().map(|found| (name(&found.path), found.executable)).collect()
    }

    #[cfg(unix)]
    #[test]
    fn files_are_found_by_pattern_and_told_apart() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        // Nothing in the folder's own name is a pattern.
        let dir = dir.path().join("[a]*");
        fs::create_dir_all(dir.join("bin/folder.po")).unwrap();
        for (name, mode) in
            [("b.po", 0o755), ("a.po", 0o711), ("notes.po", 0o644), ("c.txt", 0o755), (".d.po", 0o755)]
        {
            let path = dir.join("bin").join(name);
            fs::write(&path, "").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        std::os::unix::fs::symlink("nowhere", dir.join("bin/lost.po")).unwrap();
        let all = [
            ("bin/.d.po", true),
            ("bin/a.po", true),
            ("bin/b.po", true),
            ("bin/folder.po", false),
            ("bin/lost.po", false),
            ("bin/notes.po", false),
        ]
        .map(|(name, executable)| (name.to_owned(), executable));
        assert_eq!(names(&discover("*.po", dir.join("bin")).unwrap(), &dir), all);
        assert_eq!(names(&discover("./bin/*.po", &dir).unwrap(), &dir), all);
        assert_eq!(names(&discover("**/[ab].po", &dir).unwrap(), &dir), all[1..3]);
        assert_eq!(names(&discover("bin/?.po", &dir).unwrap(), &dir), all[1..3]);
        assert_eq!(discover("*.so", dir.join("bin")).unwrap(), []);
        assert_eq!(discover("*", dir.join("elsewhere")).unwrap(), []);
    }

    #[test]
    fn a_relative_folder_is_in_the_current_one() {
        // Tests run in the folder of their package.
        for dir in [".", ""] {
            let found = discover("Cargo.tom?", dir).unwrap();
            assert_eq!(found.len(), 1);
            let expected = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml").canonicalize();
            assert_eq!(found[0].path.canonicalize().unwrap(), expected.unwrap());
            assert!(!found[0].executable);
        }
    }

    #[test]
    fn what_is_no_pattern_says_so() {
        for (pattern, text) in
            [("a[", "\"a[\" is no pattern for file names"), ("/bin/*", "\"/bin/*\" is absolute")]
        {
            let error = discover(pattern, ".").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Misuse);
            assert!(error.to_string().contains(text), "{error}");
        }
    }
}
