//! Plugins that the test itself runs.

use std::{
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    process::{Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex as SyncMutex,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
};

use go_plugin::{
    AttachedRunner, Checksum, Client, ErrorKind, Protocol, Result, Runner, RunnerOutput, RunnerSpec,
    async_trait,
};
use interop_tests::{Collected, go_program, within};
use tokio::{process::Child, sync::Mutex};

use crate::support::{TRANSPORTS, builder, go_greeter, greet};

/// Runs a command, with the environment that it is given and no other.
pub struct Own {
    command: SyncMutex<Option<Command>>,
    spec: RunnerSpec,
    child: Mutex<Option<Child>>,
    pid: AtomicU32,
}

impl Own {
    pub fn new(command: Command, spec: RunnerSpec) -> Self {
        Self { command: Some(command).into(), spec, child: Mutex::new(None), pid: AtomicU32::new(0) }
    }
}

#[async_trait]
impl AttachedRunner for Own {
    async fn wait(&self) -> Option<ExitStatus> {
        self.child.lock().await.as_mut()?.wait().await.ok()
    }

    async fn kill(&self) -> Result<()> {
        let kill = Command::new("kill").args(["-s", "KILL", &self.pid.load(SeqCst).to_string()]).status();
        kill.map(drop).map_err(Into::into)
    }

    fn id(&self) -> String {
        format!("own-{}", self.pid.load(SeqCst))
    }
}

#[async_trait]
impl Runner for Own {
    async fn start(&self) -> Result<RunnerOutput> {
        let mut command = tokio::process::Command::from(self.command.lock().unwrap().take().unwrap());
        command.env_clear().envs(self.spec.environment.clone());
        command.stdin(if self.spec.stdio.is_some() { Stdio::piped() } else { Stdio::null() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        self.pid.store(child.id().unwrap(), SeqCst);
        let output = RunnerOutput::new(child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let stdin = child.stdin.take();
        *self.child.lock().await = Some(child);
        Ok(match stdin {
            Some(stdin) => output.with_stdin(stdin),
            None => output,
        })
    }

    fn name(&self) -> String {
        "/opt/of/its/own".to_owned()
    }

    async fn diagnose(&self) -> String {
        "The runner has no idea.".to_owned()
    }
}

/// GP-23: the same whether a command or a runner was given, but for the process id in the config.
#[tokio::test]
async fn what_a_plugin_prints_arrives_complete_and_separate_from_a_command_and_from_a_runner() {
    for transport in TRANSPORTS {
        for by_runner in [false, true] {
            let (stdout, stderr) = (Collected::default(), Collected::default());
            let builder = builder().stdout(stdout.clone()).stderr(stderr.clone());
            let builder = match by_runner {
                true => builder.runner(move |spec| async move { Ok(Own::new(go_greeter(transport), spec)) }),
                false => builder.command(go_greeter(transport)),
            };
            let client = within("the start", builder.start()).await.unwrap();
            greet(&client, "!lines 1000").await;
            stdout.contains("out 999\n").await;
            stderr.contains("err 999\n").await;
            let lines = |prefix: &str| (0..1000).map(|n| format!("{prefix} {n}\n")).collect::<String>();
            assert_eq!((stdout.text(), stderr.text()), (lines("out"), lines("err")));
            assert_eq!(client.reattach_config().unwrap().pid == 0, by_runner);
            assert_eq!(client.runner_id().starts_with("own-"), by_runner);
            within("the kill", client.kill()).await.unwrap();
            assert_eq!(client.exited().await.unwrap().code(), Some(0));
        }
    }
}

/// GP-57.
#[tokio::test]
async fn a_runner_gets_a_directory_that_the_group_may_enter() {
    let id = |option: &str| {
        let output = Command::new("id").arg(option).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    for group in [id("-g"), id("-gn")] {
        let base = tempfile::tempdir().unwrap();
        let seen = Arc::new(SyncMutex::new(None));
        let tell = Arc::clone(&seen);
        let builder = builder().unix_socket_dir(base.path()).unix_socket_group(group.clone()).runner(
            move |spec: RunnerSpec| async move {
                *tell.lock().unwrap() = Some(spec.clone());
                Ok(Own::new(go_greeter(Protocol::Grpc), spec))
            },
        );
        let client = within("the start", builder.start()).await.unwrap();
        let spec = seen.lock().unwrap().take().unwrap();
        assert_eq!(spec.socket_dir.parent(), Some(base.path()));
        let of = |path: &Path| {
            let meta = std::fs::metadata(path).unwrap();
            (meta.permissions().mode() & 0o777, meta.gid().to_string())
        };
        assert_eq!(of(&spec.socket_dir), (0o770, id("-g")));
        for (name, value) in [
            ("PLUGIN_UNIX_SOCKET_DIR", spec.socket_dir.as_os_str()),
            ("PLUGIN_UNIX_SOCKET_GROUP", group.as_ref()),
        ] {
            for environment in [&spec.environment, &spec.protocol] {
                assert!(environment.contains(&(name.into(), value.into())), "{name} in {environment:?}");
            }
        }
        let socket = client.handshake_line().address.as_unix().unwrap().to_owned();
        assert_eq!(socket.parent(), Some(&*spec.socket_dir));
        assert_eq!(of(&socket), (0o660, id("-g")));
        within("the kill", client.kill()).await.unwrap();
        assert!(!spec.socket_dir.exists());
    }
}

async fn refused(start: impl Future<Output = Result<Client>>) -> go_plugin::Error {
    within("the error", start).await.unwrap_err()
}

#[tokio::test]
async fn a_runner_that_does_not_run_a_plugin_is_reported() {
    let run =
        |command: fn() -> Command| builder().runner(move |spec| async move { Ok(Own::new(command(), spec)) });
    let error = refused(run(|| Command::new("false")).start()).await;
    assert_eq!(error.kind(), ErrorKind::ExitedBeforeHandshake);
    assert!(error.to_string().contains("The runner has no idea."), "{error}");
    assert_eq!(error.exit_status().unwrap().code(), Some(1));

    let error = refused(run(|| Command::new("/nonexistent")).start()).await;
    assert_eq!(error.kind(), ErrorKind::Io);

    let checksum = Checksum::sha256([0; 32]);
    let error = refused(run(|| Command::new(go_program("greeterplugin"))).checksum(checksum).start()).await;
    assert_eq!(error.kind(), ErrorKind::Misuse);
}
