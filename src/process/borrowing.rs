//! Starting a command that we know all of, in borrowed memory: see [`sys::spawn`].

use super::{
    child::Child,
    image::{c_string, image},
    spawn::{Spawned, Start},
    verified::found,
};
use crate::sys::{self, Executable, Image, Plan};
use std::{
    io,
    os::fd::{AsFd, AsRawFd, OwnedFd, RawFd},
};

/// Executes the `verified` image, or what the command names.
pub(super) fn spawn(start: &mut Start, verified: Option<&Image>) -> io::Result<Spawned> {
    let named;
    let image = match verified {
        Some(image) => image,
        None => {
            let program = Executable::Path(c_string(found(&start.command).as_os_str())?);
            named = image(&mut start.command, program)?;
            &named
        }
    };
    let directory = start.command.get_current_dir().map(|dir| c_string(dir.as_os_str())).transpose()?;
    let (stdin, their_stdin) = if start.stdin {
        let (theirs, ours) = io::pipe()?;
        (Some(OwnedFd::from(ours)), Some(OwnedFd::from(theirs)))
    } else {
        (None, None)
    };
    let (stdout, their_stdout) = io::pipe()?;
    let (stderr, their_stderr) = match &start.stderr {
        Some(file) => (None, OwnedFd::from(file.try_clone()?)),
        None => {
            let (ours, theirs) = io::pipe()?;
            (Some(OwnedFd::from(ours)), OwnedFd::from(theirs))
        }
    };
    let their_stdin = their_stdin.map(clear_of_the_standard_ones).transpose()?;
    let their_stdout = clear_of_the_standard_ones(their_stdout.into())?;
    let their_stderr = clear_of_the_standard_ones(their_stderr)?;
    let born = sys::spawn(&Plan {
        image,
        directory: directory.as_deref(),
        stdio: [
            their_stdin.as_ref().map(AsFd::as_fd),
            Some(their_stdout.as_fd()),
            Some(their_stderr.as_fd()),
        ],
        end_with_parent: start.end_with_host,
    })?;
    Ok(Spawned {
        child: Child::born(born),
        stdin: stdin.map(Into::into),
        stdout: Some(OwnedFd::from(stdout).into()),
        stderr: stderr.map(Into::into),
    })
}

/// In a host that has closed one of its standard streams, a new descriptor takes that number.
fn clear_of_the_standard_ones(fd: OwnedFd) -> io::Result<OwnedFd> {
    const FIRST_OTHER: RawFd = 3;
    if fd.as_raw_fd() >= FIRST_OTHER {
        return Ok(fd);
    }
    Ok(rustix::io::fcntl_dupfd_cloexec(fd, FIRST_OTHER)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        fs::{self, File},
        io::{Read, Write},
        os::unix::process::ExitStatusExt,
        process::{Command, ExitStatus},
        thread,
    };

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script, "zero", "one", ""]);
        command
    }

    fn status(spawned: &Spawned) -> ExitStatus {
        spawned.child.wait().status.unwrap()
    }

    #[test]
    fn a_child_is_what_it_is_when_std_starts_it() {
        // Signals 1 to 28: some of the others are the C library's own, which ignores them here or there.
        let ignored = "grep SigIgn /proc/self/status | tail -c 8";
        let report = format!(
            "echo $0/$1/$2/$#; pwd; env | sort; ls -l /proc/self/fd | wc -l; grep SigBlk /proc/self/status; {ignored}"
        );
        let directory = tempfile::tempdir().unwrap();
        let mut elsewhere = shell(&report);
        elsewhere.current_dir(directory.path()).env("ADDED", "1").env_remove("HOME");
        let mut bare = shell(&report);
        bare.env_clear().env("PATH", "/usr/bin:/bin");
        for mut command in [shell(&report), elsewhere, bare] {
            let std = String::from_utf8(command.output().unwrap().stdout).unwrap();
            let mut ours = spawn(&mut Start::plain(command), None).unwrap();
            let said = io::read_to_string(ours.stdout.as_mut().unwrap()).unwrap();
            assert!(said.lines().any(|line| line == "SigBlk:\t0000000000000000"), "{said}");
            assert_eq!(said, std);
            assert!(status(&ours).success());
        }
    }

    #[test]
    fn each_standard_stream_is_a_pipe_of_its_own() {
        let mut start =
            Start { stdin: true, ..Start::plain(shell("read line; echo out $line; echo err >&2; exit 7")) };
        let mut spawned = spawn(&mut start, None).unwrap();
        spawned.stdin.take().unwrap().write_all(b"in\n").unwrap();
        let mut errors = String::new();
        spawned.stderr.as_mut().unwrap().read_to_string(&mut errors).unwrap();
        let out = io::read_to_string(spawned.stdout.as_mut().unwrap()).unwrap();
        assert_eq!((out.as_str(), errors.as_str()), ("out in\n", "err\n"));
        assert_eq!(status(&spawned).code(), Some(7));
    }

    #[test]
    fn standard_error_may_be_a_file() {
        let path = tempfile::NamedTempFile::new().unwrap().into_temp_path();
        let file = Some(File::create(&path).unwrap());
        let spawned =
            spawn(&mut Start { stderr: file, ..Start::plain(shell("echo err >&2")) }, None).unwrap();
        assert!(spawned.stderr.is_none() && status(&spawned).success());
        assert_eq!(fs::read_to_string(path).unwrap(), "err\n");
    }

    #[test]
    fn what_cannot_be_started_is_an_error_and_leaves_no_process() {
        let missing_dir = {
            let mut command = shell("true");
            command.current_dir("/nonexistent");
            command
        };
        for (command, expected) in [
            (Command::new("/nonexistent/plugin"), io::ErrorKind::NotFound),
            (Command::new("no-such-plugin-anywhere"), io::ErrorKind::NotFound),
            (Command::new("/"), io::ErrorKind::PermissionDenied),
            (missing_dir, io::ErrorKind::NotFound),
        ] {
            let error = spawn(&mut Start::plain(command), None).err().unwrap();
            assert_eq!(error.kind(), expected, "{error}");
        }
        let me = std::process::id();
        let children =
            fs::read_to_string(format!("/proc/{me}/task/{}/children", rustix::thread::gettid())).unwrap();
        assert_eq!(children, "");
    }

    #[test]
    fn a_child_ends_with_the_thread_that_started_it_if_it_is_to() {
        for bound in [true, false] {
            let start = Start { end_with_host: bound, ..Start::plain(shell("sleep 0.3; exit 3")) };
            let spawned = thread::spawn(|| spawn(&mut { start }, None).unwrap()).join().unwrap();
            let ended = status(&spawned);
            assert_eq!(ended.signal(), bound.then_some(libc::SIGKILL), "{ended}");
        }
    }

    #[tokio::test]
    async fn a_signal_that_the_host_handles_ends_the_child() {
        let _handled = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::user_defined2()).unwrap();
        let spawned = spawn(&mut Start::plain(shell("kill -USR2 $$; exit 0")), None).unwrap();
        assert_eq!(status(&spawned).signal(), Some(libc::SIGUSR2));
    }
}
