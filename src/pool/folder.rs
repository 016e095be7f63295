//! Programs in a folder.

use super::plugin::Plugin;
use crate::{ClientBuilder, Result, discover};
use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};
use tokio::sync::Notify;

pub(super) struct Folder {
    dir: PathBuf,
    pattern: String,
    make: Arc<dyn Fn(&Path) -> ClientBuilder + Send + Sync>,
}

/// A program as it was found: another file of the same name is another program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    path: PathBuf,
    length: u64,
    modified: Option<SystemTime>,
    /// Tells a file that was renamed over one of equal length and time.
    inode: u64,
}

impl Folder {
    pub(super) fn new(
        dir: PathBuf,
        pattern: String,
        make: impl Fn(&Path) -> ClientBuilder + Send + Sync + 'static,
    ) -> Self {
        Self { dir, pattern, make: Arc::new(make) }
    }

    /// The programs that are there now.
    pub(super) fn look(&self) -> Result<Vec<Found>> {
        let found = discover(&self.pattern, &self.dir)?;
        // A file may go between the two looks.
        Ok(found.into_iter().filter(|file| file.executable).filter_map(|file| Found::at(file.path)).collect())
    }

    pub(super) fn plugin(&self, file: Found, released: &Arc<Notify>) -> Arc<Plugin> {
        let (make, path) = (Arc::clone(&self.make), file.path.clone());
        Plugin::new(move || make(&path), Some(file), released)
    }
}

impl Found {
    fn at(path: PathBuf) -> Option<Self> {
        let meta = path.metadata().ok()?;
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(&meta);
        #[cfg(not(unix))]
        let inode = 0;
        Some(Self { length: meta.len(), modified: meta.modified().ok(), inode, path })
    }

    /// The name of its file.
    pub(super) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

impl fmt::Debug for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Folder")
            .field("dir", &self.dir)
            .field("pattern", &self.pattern)
            .finish_non_exhaustive()
    }
}
