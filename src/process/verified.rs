//! Running exactly the bytes that were verified.
//!
//! Between a checksum over a path and the start of that path lies a window in which the file can become another
//! one. So the file is opened once, and what that descriptor holds is both hashed and executed. That
//! fixes which file it is, not what is in it: an overwritten file runs its new bytes even through a descriptor. A
//! file that somebody else than root may write is therefore copied into memory, sealed against any change, and the copy is
//! what is hashed and executed.
//!
//! Systems other than Linux cannot execute a descriptor: there, as with Go, the path is hashed, then started.

use super::diagnose::resolve;
use crate::{Checksum, Error, ErrorKind, Result};
use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    process::Command,
};

#[cfg(target_os = "linux")]
pub(super) use linux::open;

/// Whether the program matches.
#[cfg(not(target_os = "linux"))]
pub(super) fn verify(command: &Command, checksum: &Checksum) -> Result<()> {
    let path = path_of(command);
    checksum.verify(&mut File::open(&path).map_err(unreadable(&path))?)
}

fn unreadable(path: &Path) -> impl Fn(io::Error) -> Error {
    move |cause| {
        let text = format!("error verifying checksum: {}: {cause}", path.display());
        Error::new(ErrorKind::Security, text).with_source(cause)
    }
}

/// The file that the system will start, seen from here: as std finds it, relative to the command's directory or on its `PATH`.
fn path_of(command: &Command) -> PathBuf {
    let path = found(command);
    match command.get_current_dir() {
        Some(dir) => dir.join(path), // an absolute one stays itself
        None => path,
    }
}

/// The program's path as the command gives it, or where a name stands on its `PATH`.
pub(super) fn found(command: &Command) -> PathBuf {
    let search = command.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, path)| path);
    let program = command.get_program();
    resolve(program, search).unwrap_or_else(|| program.into())
}

#[cfg(target_os = "linux")]
mod linux {
    use super::*;
    use crate::{
        process::image::image,
        sys::{Executable, Image},
    };
    use rustix::{
        fs::{MemfdFlags, SealFlags, StatVfsMountFlags, fcntl_add_seals, fstatvfs, memfd_create},
        io::Errno,
    };
    use std::{
        io::{Read, Seek},
        os::unix::fs::MetadataExt,
    };

    /// Write permission for the group or anybody; for a file with an access control list the former is its mask.
    const WRITABLE_BY_OTHERS: u32 = 0o022;

    const ROOT: u32 = 0;

    /// What matches `checksum` of the command's program, with the command's arguments and environment. Blocks on the file system.
    pub(in super::super) fn open(command: &mut Command, checksum: &Checksum) -> Result<Image> {
        let path = path_of(command);
        let unreadable = unreadable(&path);
        let mut file = File::open(&path).map_err(&unreadable)?;
        if can_change(&file).map_err(&unreadable)? {
            file = sealed_copy(&mut file).map_err(|cause| {
                let text = format!(
                    "error verifying checksum: no copy that is safe from changes can be made in memory ({cause}): let root \
                     own the plugin's file and nobody else write it"
                );
                Error::new(ErrorKind::Security, text).with_source(cause)
            })?;
        }
        checksum.verify(&mut file)?;
        file.rewind().map_err(&unreadable)?;
        // The interpreter opens the script by its descriptor's name, after the start.
        let inherited = is_script(&file).map_err(&unreadable)?;
        image(command, Executable::Open { file: file.into(), inherited }).map_err(&unreadable)
    }

    /// Whether anybody but root can write into the file.
    fn can_change(file: &File) -> io::Result<bool> {
        let meta = file.metadata()?;
        let read_only = fstatvfs(file).is_ok_and(|fs| fs.f_flag.contains(StatVfsMountFlags::RDONLY));
        Ok(!read_only && (meta.uid() != ROOT || meta.mode() & WRITABLE_BY_OTHERS != 0))
    }

    fn sealed_copy(file: &mut File) -> io::Result<File> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        // Kernels before 6.3 do not know the flag, later ones may refuse to execute without it.
        let copy = match memfd_create("plugin", flags | MemfdFlags::EXEC) {
            Err(Errno::INVAL) => memfd_create("plugin", flags)?,
            made => made?,
        };
        let mut copy = File::from(copy);
        io::copy(file, &mut copy)?;
        fcntl_add_seals(&copy, SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        copy.rewind()?;
        Ok(copy)
    }

    fn is_script(file: &File) -> io::Result<bool> {
        let mut start = [0; 2];
        let mut file = file;
        let length = file.read(&mut start)?;
        Ok(start[..length] == *b"#!")
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use crate::{
            process::{borrowing, spawn::Start},
            sys,
        };
        use sha2::{Digest, Sha256};
        use std::{fs, os::unix::fs::PermissionsExt};

        const SCRIPT: &str = "#!/bin/sh\necho \"$OWN $1 $(pwd)\"\n";

        /// A command for a file of these contents, what was verified of it, and the file.
        fn verified(dir: &Path, contents: &[u8], mode: u32) -> (Command, Image, PathBuf) {
            let path = dir.join("plugin");
            fs::write(&path, contents).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let mut command = Command::new(&path);
            command.current_dir("/").env("OWN", "mine");
            let image = open(&mut command, &Checksum::sha256(Sha256::digest(contents).to_vec())).unwrap();
            (command, image, path)
        }

        /// What it says when it is started in either way.
        fn said(command: Command, image: Image) -> [String; 2] {
            let mut start = Start::plain(command);
            let spawned = borrowing::spawn(&mut start, Some(&image)).unwrap();
            let borrowed = io::read_to_string(spawned.stdout.unwrap()).unwrap();
            assert!(spawned.child.wait().status.unwrap().success());
            let mut command = start.command;
            sys::execute(&mut command, image);
            [borrowed, String::from_utf8(command.output().unwrap().stdout).unwrap()]
        }

        #[test]
        fn scripts_run_from_where_they_were_verified() {
            for mode in [0o755, 0o777] {
                let dir = tempfile::tempdir().unwrap();
                let (mut command, image, _) = verified(dir.path(), SCRIPT.as_bytes(), mode);
                command.arg("argument"); // too late: not seen
                assert_eq!(said(command, image), ["mine  /\n"; 2]);
            }
        }

        #[test]
        fn what_was_verified_runs_even_if_the_file_is_overwritten_meanwhile() {
            let dir = tempfile::tempdir().unwrap();
            let (command, image, path) = verified(dir.path(), SCRIPT.as_bytes(), 0o777);
            fs::write(path, "#!/bin/sh\necho evil\n").unwrap();
            assert_eq!(said(command, image), ["mine  /\n"; 2]);
        }

        #[test]
        fn what_was_verified_runs_even_if_the_file_is_replaced_meanwhile() {
            for mode in [0o755, 0o777] {
                let dir = tempfile::tempdir().unwrap();
                let (command, image, path) = verified(dir.path(), &fs::read("/bin/pwd").unwrap(), mode);
                let evil = dir.path().join("evil");
                fs::write(&evil, "#!/bin/sh\necho evil\n").unwrap();
                fs::set_permissions(&evil, fs::Permissions::from_mode(0o755)).unwrap();
                fs::rename(evil, path).unwrap();
                assert_eq!(said(command, image), ["/\n"; 2]);
            }
        }

        #[test]
        fn a_program_is_found_where_the_system_would_find_it() {
            let dir = tempfile::tempdir().unwrap();
            fs::copy("/bin/pwd", dir.path().join("plugin")).unwrap();
            let mut relative = Command::new("./plugin");
            relative.current_dir(dir.path());
            let mut named = Command::new("plugin");
            named.env("PATH", dir.path()).current_dir(dir.path());
            for mut command in [relative, named] {
                let sum = Checksum::sha256(Sha256::digest(fs::read("/bin/pwd").unwrap()).to_vec());
                let image = open(&mut command, &sum).unwrap();
                let here = format!("{}\n", dir.path().display());
                assert_eq!(said(command, image), [here.clone(), here]);
            }
        }

        #[test]
        fn a_missing_file_is_named() {
            let sum = Checksum::sha256([0; 32]);
            let error = open(&mut Command::new("/nonexistent/plugin"), &sum).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Security);
            assert!(
                error.to_string().starts_with("error verifying checksum: /nonexistent/plugin: "),
                "{error}"
            );
        }

        #[test]
        fn a_sealed_copy_takes_no_more_writes() {
            use std::io::Write;
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(b"bytes").unwrap();
            file.rewind().unwrap();
            let mut copy = sealed_copy(&mut file).unwrap();
            assert!(copy.write_all(b"other").is_err() && copy.set_len(0).is_err());
            let mut text = String::new();
            copy.read_to_string(&mut text).unwrap();
            assert_eq!(text, "bytes");
        }
    }
}
