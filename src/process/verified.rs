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
use std::{fs::File, io, path::PathBuf, process::Command};

/// Makes the next start of `command` run what matches `checksum`. Blocks on the file system.
pub(super) fn arm(command: &mut Command, checksum: &Checksum) -> Result<()> {
    let path = path_of(command);
    let unreadable = |cause: io::Error| {
        let text = format!("error verifying checksum: {}: {cause}", path.display());
        Error::new(ErrorKind::Security, text).with_source(cause)
    };
    let file = File::open(&path).map_err(unreadable)?;
    #[cfg(target_os = "linux")]
    return linux::arm(command, file, checksum, unreadable);
    #[cfg(not(target_os = "linux"))]
    return checksum.verify(&mut { file });
}

/// The file that the system will start: as std finds it, relative to the command's directory or on its `PATH`.
fn path_of(command: &Command) -> PathBuf {
    let search = command.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, path)| path);
    let program = command.get_program();
    let path = resolve(program, search).unwrap_or_else(|| program.into());
    match command.get_current_dir() {
        Some(dir) => dir.join(path), // an absolute one stays itself
        None => path,
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use super::*;
    use crate::sys;
    use rustix::{
        fs::{MemfdFlags, SealFlags, StatVfsMountFlags, fcntl_add_seals, fstatvfs, memfd_create},
        io::Errno,
    };
    use std::{
        collections::BTreeMap,
        ffi::{CString, OsStr, OsString},
        io::{Read, Seek},
        os::{
            fd::OwnedFd,
            unix::{ffi::OsStrExt, fs::MetadataExt},
        },
    };

    /// Write permission for the group or anybody; for a file with an access control list the former is its mask.
    const WRITABLE_BY_OTHERS: u32 = 0o022;

    const ROOT: u32 = 0;

    pub(super) fn arm(
        command: &mut Command,
        mut file: File,
        checksum: &Checksum,
        unreadable: impl Fn(io::Error) -> Error,
    ) -> Result<()> {
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
        let script = is_script(&file).map_err(&unreadable)?;
        let program = sys::Image {
            file: OwnedFd::from(file),
            // The interpreter opens the script by its descriptor's name, after the start.
            inherited: script,
            arguments: arguments(command).map_err(&unreadable)?,
            environment: environment(command).map_err(&unreadable)?,
        };
        sys::execute(command, program);
        Ok(())
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

    fn arguments(command: &Command) -> io::Result<Vec<CString>> {
        std::iter::once(command.get_program()).chain(command.get_args()).map(c_string).collect()
    }

    /// What std would give the child.
    fn environment(command: &mut Command) -> io::Result<Vec<CString>> {
        let mut all: BTreeMap<OsString, OsString> =
            if inherits(command) { std::env::vars_os().collect() } else { BTreeMap::new() };
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => drop(all.insert(name.to_owned(), value.to_owned())),
                None => drop(all.remove(name)),
            }
        }
        let joined = |(name, value): (OsString, OsString)| {
            c_string(OsStr::from_bytes(&[name.as_bytes(), b"=", value.as_bytes()].concat()))
        };
        all.into_iter().map(joined).collect()
    }

    /// Whether the command passes this process's environment on. A command does not tell that its environment was
    /// cleared, but then has no need to note a removal.
    fn inherits(command: &mut Command) -> bool {
        const NOBODY_USES: &str = "GO_PLUGIN_IS_THE_ENVIRONMENT_CLEARED";
        command.env_remove(NOBODY_USES);
        command.get_envs().any(|(name, value)| name == NOBODY_USES && value.is_none())
    }

    fn c_string(text: &OsStr) -> io::Result<CString> {
        CString::new(text.as_bytes()).map_err(|cause| io::Error::new(io::ErrorKind::InvalidInput, cause))
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use sha2::{Digest, Sha256};
        use std::{fs, os::unix::fs::PermissionsExt, path::Path};

        const SCRIPT: &str = "#!/bin/sh\necho \"$OWN $1 $(pwd)\"\n";

        /// An armed command for a file of these contents, and the file.
        fn armed(dir: &Path, contents: &[u8], mode: u32) -> (Command, PathBuf) {
            let path = dir.join("plugin");
            fs::write(&path, contents).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let mut command = Command::new(&path);
            command.current_dir("/").env("OWN", "mine");
            super::super::arm(&mut command, &Checksum::sha256(Sha256::digest(contents).to_vec())).unwrap();
            (command, path)
        }

        fn said(mut command: Command) -> String {
            String::from_utf8(command.output().unwrap().stdout).unwrap()
        }

        #[test]
        fn scripts_run_from_where_they_were_verified() {
            for mode in [0o755, 0o777] {
                let dir = tempfile::tempdir().unwrap();
                let (mut command, _) = armed(dir.path(), SCRIPT.as_bytes(), mode);
                command.arg("argument"); // after the arming: not seen
                assert_eq!(said(command), "mine  /\n");
            }
        }

        #[test]
        fn what_was_verified_runs_even_if_the_file_is_overwritten_meanwhile() {
            let dir = tempfile::tempdir().unwrap();
            let (command, path) = armed(dir.path(), SCRIPT.as_bytes(), 0o777);
            fs::write(path, "#!/bin/sh\necho evil\n").unwrap();
            assert_eq!(said(command), "mine  /\n");
        }

        #[test]
        fn what_was_verified_runs_even_if_the_file_is_replaced_meanwhile() {
            for mode in [0o755, 0o777] {
                let dir = tempfile::tempdir().unwrap();
                let (command, path) = armed(dir.path(), &fs::read("/bin/pwd").unwrap(), mode);
                let evil = dir.path().join("evil");
                fs::write(&evil, "#!/bin/sh\necho evil\n").unwrap();
                fs::set_permissions(&evil, fs::Permissions::from_mode(0o755)).unwrap();
                fs::rename(evil, path).unwrap();
                assert_eq!(said(command), "/\n");
            }
        }

        #[test]
        fn a_program_is_found_where_the_system_would_find_it() {
            let dir = tempfile::tempdir().unwrap();
            fs::copy("/bin/pwd", dir.path().join("plugin")).unwrap();
            let mut relative = Command::new("./plugin");
            relative.current_dir(dir.path());
            let mut named = Command::new("plugin");
            named.env("PATH", dir.path());
            for mut command in [relative, named] {
                let sum = Checksum::sha256(Sha256::digest(fs::read("/bin/pwd").unwrap()).to_vec());
                super::super::arm(&mut command, &sum).unwrap();
                assert!(command.output().unwrap().status.success());
            }
        }

        #[test]
        fn a_missing_file_is_named() {
            let sum = Checksum::sha256([0; 32]);
            let error = super::super::arm(&mut Command::new("/nonexistent/plugin"), &sum).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Security);
            assert!(
                error.to_string().starts_with("error verifying checksum: /nonexistent/plugin: "),
                "{error}"
            );
        }

        #[test]
        fn a_cleared_environment_is_noticed() {
            let mut command = Command::new("true");
            assert!(inherits(&mut command));
            command.env("A", "b").env_clear().env("C", "d");
            assert!(!inherits(&mut command));
            assert_eq!(environment(&mut command).unwrap(), [c"C=d".to_owned()]);
        }

        #[test]
        fn the_environment_is_what_std_would_make_it() {
            let mut command = Command::new("env");
            command.arg("-0").env("ADDED", "1").env_remove("HOME");
            let mut ours: Vec<_> = environment(&mut command).unwrap();
            let std = command.output().unwrap().stdout;
            let mut theirs: Vec<_> = std.split(|&byte| byte == 0).filter(|line| !line.is_empty()).collect();
            ours.sort();
            theirs.sort_unstable();
            assert_eq!(ours.iter().map(|line| line.as_bytes()).collect::<Vec<_>>(), theirs);
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
