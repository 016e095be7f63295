//! The archive that providers come in.
//!
//! `go_plugin::fetch` unpacks archives too, but wants to be told which file in them is the program. Here the name varies from
//! provider to provider; and with a version, what is in the cache is found without the registry.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use zip::ZipArchive;

/// The largest provider there is has about 800 MB. What an archive says about its sizes need not be true.
const UNPACKED_LIMIT: u64 = 4 << 30;

/// Unpacks a provider into an empty folder, and nowhere else.
pub(super) fn unpack(archive: File, dir: &Path, name: &str) -> Result<()> {
    unpack_files(archive, dir)?;
    let program = find_program(dir, name)
        .with_context(|| format!("there is no terraform-provider-{name} in the archive"))?;
    make_executable(&program).with_context(|| format!("cannot make {} executable", program.display()))
}

fn unpack_files(archive: File, dir: &Path) -> Result<()> {
    let mut archive = ZipArchive::new(archive).context("the download is no archive")?;
    let mut left = UNPACKED_LIMIT;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        let name = entry.name()?.escape_debug().to_string();
        let path = entry.enclosed_name().with_context(|| format!("the archive would write to {name:?}"))?;
        let path = dir.join(path);
        if entry.is_dir() {
            fs::create_dir_all(&path)?;
            continue;
        }
        ensure!(entry.is_file(), "{name} in the archive is neither a file nor a folder");
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        let mut file = File::create_new(&path).with_context(|| format!("{name} in the archive"))?;
        let size = io::copy(&mut entry.by_ref().take(left + 1), &mut file)?;
        ensure!(size <= left, "the archive unpacks to more than {UNPACKED_LIMIT} bytes");
        left -= size;
    }
    Ok(())
}

/// The provider's executable in a folder that an archive was unpacked into, if there is one.
pub(super) fn find_program(dir: &Path, name: &str) -> Option<PathBuf> {
    let prefix = format!("terraform-provider-{name}");
    let fits = |path: &PathBuf| {
        let file = path.file_name().and_then(|file| file.to_str()).unwrap_or_default();
        // `_v1.2.3_x5`, `.exe`, or nothing
        file.strip_prefix(&prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with(['_', '.']))
            && path.is_file()
    };
    fs::read_dir(dir).ok()?.flatten().map(|entry| entry.path()).find(fits)
}

/// Archives made on Windows do not say so.
#[cfg(unix)]
fn make_executable(program: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(program, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> io::Result<()> {
    Ok(())
}
