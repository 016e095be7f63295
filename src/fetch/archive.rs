//! Unpacking, into one folder and nowhere else.

use crate::{Error, ErrorKind, Result};
use flate2::read::GzDecoder;
use std::{
    fs::{self, File},
    io::{self, Read, Seek},
    path::{Component, Path, PathBuf},
};

/// The form of an archive, by the end of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Zip,
    TarGz,
}

impl Form {
    pub(super) fn of(location: &str) -> Result<Self> {
        let name = location.split(['?', '#']).next().unwrap_or(location).to_ascii_lowercase();
        if name.ends_with(".zip") {
            Ok(Self::Zip)
        } else if name.ends_with(".tar.gz") || name.ends_with(".tgz") {
            Ok(Self::TarGz)
        } else {
            Err(Error::misuse(format!(
                "{location:?} is no archive that can be unpacked: .zip, .tar.gz or .tgz"
            )))
        }
    }
}

/// Unpacks `archive` into the empty folder `dir`, to no more than `limit` bytes. Blocks.
///
/// What an archive says of itself is not believed: sizes are counted, and what would be written elsewhere, or is neither file nor folder,
/// is refused.
pub(super) fn unpack(archive: File, form: Form, dir: &Path, limit: u64) -> Result<()> {
    let mut unpacking = Unpacking { dir, left: limit, limit };
    match form {
        Form::Zip => unpacking.zip(archive),
        Form::TarGz => unpacking.tar(GzDecoder::new(archive)),
    }
}

struct Unpacking<'a> {
    dir: &'a Path,
    left: u64,
    limit: u64,
}

impl Unpacking<'_> {
    fn zip(&mut self, archive: impl Read + Seek) -> Result<()> {
        let mut archive = zip::ZipArchive::new(archive).map_err(broken)?;
        for index in 0..archive.len() {
            let mut entry = archive.by_index(index).map_err(broken)?;
            let path = entry.enclosed_name().ok_or_else(|| elsewhere(&entry.name().unwrap_or_default()))?;
            if entry.is_dir() {
                fs::create_dir_all(self.inside(&path)?)?;
            } else if entry.is_file() {
                let mode = entry.unix_mode();
                self.file(&path, mode, &mut entry)?;
            } else {
                return Err(odd(&path));
            }
        }
        Ok(())
    }

    fn tar(&mut self, archive: impl Read) -> Result<()> {
        let mut archive = tar::Archive::new(archive);
        for entry in archive.entries().map_err(broken)? {
            let mut entry = entry.map_err(broken)?;
            let path = entry.path().map_err(broken)?.into_owned();
            match entry.header().entry_type() {
                tar::EntryType::Directory => fs::create_dir_all(self.inside(&path)?)?,
                tar::EntryType::Regular => {
                    let mode = entry.header().mode().ok();
                    self.file(&path, mode, &mut entry)?;
                }
                // Remarks about the archive, such as git's.
                tar::EntryType::XGlobalHeader => {}
                _ => return Err(odd(&path)),
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, mode: Option<u32>, contents: &mut dyn Read) -> Result<()> {
        let path = self.inside(path)?;
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = File::create_new(&path)?;
        let copied = io::copy(&mut contents.take(self.left + 1), &mut file).map_err(broken)?;
        if copied > self.left {
            let text = format!("the archive unpacks to more than {} bytes", self.limit);
            return Err(Error::new(ErrorKind::Security, text));
        }
        self.left -= copied;
        if mode.is_some_and(|mode| mode & 0o111 != 0) {
            make_executable(&path)?;
        }
        Ok(())
    }

    fn inside(&self, path: &Path) -> Result<PathBuf> {
        let plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
        if path.components().all(plain) { Ok(self.dir.join(path)) } else { Err(elsewhere(&path.display())) }
    }
}

#[cfg(unix)]
pub(super) fn make_executable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
pub(super) fn make_executable(_: &Path) -> io::Result<()> {
    Ok(())
}

fn broken(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    let cause = cause.into();
    Error::new(ErrorKind::Launch, format!("the archive cannot be unpacked: {cause}")).with_source(cause)
}

fn elsewhere(path: &dyn std::fmt::Display) -> Error {
    Error::new(ErrorKind::Security, format!("the archive would write outside of its folder, to {path}"))
}

fn odd(path: &Path) -> Error {
    let text = format!("{} in the archive is neither a file nor a folder", path.display());
    Error::new(ErrorKind::Security, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_told_by_the_name() {
        for (location, form) in [
            ("a/b.zip", Some(Form::Zip)),
            ("https://example.org/x_1.0.TAR.GZ?token=1", Some(Form::TarGz)),
            ("x.tgz", Some(Form::TarGz)),
            ("x.tar", None),
            ("x", None),
        ] {
            assert_eq!(Form::of(location).ok(), form, "{location}");
        }
    }
}
