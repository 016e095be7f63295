//! What std would have a child execute, for those who start it otherwise.

use crate::sys::{Executable, Image};
use std::{
    collections::BTreeMap,
    ffi::{CString, OsStr, OsString},
    io,
    os::unix::ffi::OsStrExt,
    process::Command,
};

/// `program` with the arguments and the environment of the command.
pub(super) fn image(command: &mut Command, program: Executable) -> io::Result<Image> {
    let arguments = std::iter::once(command.get_program()).chain(command.get_args()).map(c_string);
    let arguments: Vec<_> = arguments.collect::<io::Result<_>>()?;
    Ok(Image { program, arguments: arguments.into(), environment: environment(command)?.into() })
}

pub(super) fn c_string(text: &OsStr) -> io::Result<CString> {
    CString::new(text.as_bytes()).map_err(|cause| io::Error::new(io::ErrorKind::InvalidInput, cause))
}

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

#[cfg(test)]
mod tests {
    use super::*;

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
}
