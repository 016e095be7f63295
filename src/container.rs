//! Plugins in containers, through the command line of docker or podman.

use crate::{
    Address, AttachedRunner, ClientBuilder, Error, ErrorKind, Result, Runner, RunnerOutput, RunnerSpec,
    StdioConnection, env,
};
use async_trait::async_trait;
use rustix::process::{getegid, geteuid};
use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};
use tokio::{
    process::{Child, Command},
    sync::Mutex,
    time::timeout,
};

/// How long the engine may take to remove a container: it kills its processes and unmounts its files.
const REMOVE_TIMEOUT: Duration = Duration::from_secs(10);

/// Where the plugin finds the directory for its sockets.
const SOCKET_DIR: &str = "/run/go-plugin";

/// A plugin that runs in a container: its image is started by `docker run` or `podman run`, with the directory for sockets mounted.
///
/// ```no_run
/// # #[cfg(feature = "netrpc")] mod example {
/// # use go_plugin::{Client, Container, Handshake, Result};
/// # pub const HANDSHAKE: Handshake = Handshake::new(1, "BASIC_PLUGIN", "hello");
/// # #[go_plugin::interface] pub trait Greeter { async fn greet(&self) -> Result<String>; }
/// # async fn example() -> Result<()> {
/// let client = Client::builder(HANDSHAKE)
///     .plugin("greeter", GreeterPlugin::client())
///     .container(Container::docker("example.org/greeter:1.2").option("--network=none"))
///     .start()
///     .await?;
/// # Ok(())
/// # }
/// # }
/// ```
///
/// The plugin runs as this process's user and group, so that each can connect to the other's sockets, and gets the variables of the protocol but
/// not this host's environment. Plugins on go-plugin v1.5.0 or later, and on this crate, put their sockets where they are told to.
/// With [`connect_over_stdio`](ClientBuilder::connect_over_stdio) required there is no directory, and the engine may be on another machine.
/// The container is removed with the plugin's end; one whose host was killed is not, until its plugin ends.
#[derive(Clone, Debug)]
pub struct Container {
    engine: OsString,
    image: OsString,
    options: Vec<OsString>,
    arguments: Vec<OsString>,
    socket_dir: PathBuf,
}

impl Container {
    /// An image, run by the command `docker`.
    pub fn docker(image: impl Into<OsString>) -> Self {
        Self::with_engine("docker", image).user_of_this_process()
    }

    /// An image, run by the command `podman`.
    pub fn podman(image: impl Into<OsString>) -> Self {
        // Without root podman maps users; this keeps the one that it was started by.
        let podman = Self::with_engine("podman", image).user_of_this_process();
        if geteuid().is_root() { podman } else { podman.option("--userns=keep-id") }
    }

    /// An image, run by another command that takes docker's arguments.
    pub fn with_engine(program: impl Into<OsString>, image: impl Into<OsString>) -> Self {
        Self {
            engine: program.into(),
            image: image.into(),
            options: Vec::new(),
            arguments: Vec::new(),
            socket_dir: SOCKET_DIR.into(),
        }
    }

    /// An option for `docker run`, as `--network=none` or `--memory=1g`; one in two words is two options.
    #[must_use]
    pub fn option(mut self, option: impl Into<OsString>) -> Self {
        self.options.push(option.into());
        self
    }

    /// An argument for the plugin.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Where in the container the directory for sockets is mounted; `/run/go-plugin` by default.
    #[must_use]
    pub fn socket_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.socket_dir = dir.into();
        self
    }

    fn user_of_this_process(self) -> Self {
        let (user, group) = (geteuid().as_raw(), getegid().as_raw());
        self.option(format!("--user={user}:{group}"))
    }
}

impl ClientBuilder {
    /// Runs the plugin in a container. Needs the feature `container`.
    pub fn container(self, container: Container) -> Self {
        self.runner(move |spec| async move { Ok(Running::new(container, spec)) })
    }
}

/// One container.
struct Running {
    container: Container,
    spec: RunnerSpec,
    /// Unique, as the directory's is.
    name: String,
    /// `docker run`, which lives as long as the container and has its streams and its exit code.
    command: Mutex<Option<Child>>,
}

impl Running {
    fn new(container: Container, spec: RunnerSpec) -> Self {
        let dir = spec.socket_dir.file_name().unwrap_or_default().to_string_lossy();
        // Names may not have every character that a temporary name has.
        let unique: String = dir.chars().filter(char::is_ascii_alphanumeric).collect();
        Self {
            name: format!("go-plugin-{}-{unique}", std::process::id()),
            container,
            spec,
            command: Mutex::new(None),
        }
    }

    fn run(&self) -> Command {
        let Container { engine, image, options, arguments, socket_dir } = &self.container;
        let mut command = Command::new(engine);
        command.args(["run", "--rm", "--name", &self.name]);
        // Where it has no socket, the engine may well be on another machine.
        let sockets = self.spec.stdio != Some(StdioConnection::Required);
        if sockets {
            let mut mount = self.spec.socket_dir.clone().into_os_string();
            mount.push(":");
            mount.push(socket_dir);
            command.arg("--volume").arg(mount);
        }
        if self.spec.stdio.is_some() {
            command.arg("--interactive");
        }
        for (name, value) in &self.spec.protocol {
            if name == env::UNIX_SOCKET_DIR && !sockets {
                continue;
            }
            // The value by the engine's own environment: other users see its arguments.
            command.arg("--env").arg(name);
            command.env(name, if name == env::UNIX_SOCKET_DIR { socket_dir.as_os_str() } else { value });
        }
        command.args(options).arg(image).args(arguments);
        command.stdin(if self.spec.stdio.is_some() { Stdio::piped() } else { Stdio::null() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    async fn ask_engine(&self, arguments: &[&OsStr]) -> Result<std::process::Output> {
        let mut command = Command::new(&self.container.engine);
        command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        match timeout(REMOVE_TIMEOUT, command.output()).await {
            Ok(output) => Ok(output?),
            Err(_) => {
                let text =
                    format!("{} did not answer within {REMOVE_TIMEOUT:?}", self.container.engine.display());
                Err(Error::new(ErrorKind::Timeout, text))
            }
        }
    }
}

#[async_trait]
impl AttachedRunner for Running {
    async fn wait(&self) -> Option<ExitStatus> {
        self.command.lock().await.as_mut()?.wait().await.ok()
    }

    async fn kill(&self) -> Result<()> {
        let removed = self.ask_engine(&["rm".as_ref(), "--force".as_ref(), self.name.as_ref()]).await?;
        if removed.status.success() {
            return Ok(());
        }
        let why = String::from_utf8_lossy(&removed.stderr);
        Err(Error::new(ErrorKind::Io, format!("container {} cannot be removed: {}", self.name, why.trim())))
    }

    fn id(&self) -> String {
        self.name.clone()
    }

    fn plugin_to_host(&self, address: Address) -> Result<Address> {
        translate(address, &self.container.socket_dir, &self.spec.socket_dir)
    }

    fn host_to_plugin(&self, address: Address) -> Result<Address> {
        translate(address, &self.spec.socket_dir, &self.container.socket_dir)
    }
}

#[async_trait]
impl Runner for Running {
    async fn start(&self) -> Result<RunnerOutput> {
        let engine = self.container.engine.display();
        let mut command = self.run().spawn().map_err(|cause| {
            Error::new(ErrorKind::Launch, format!("cannot start {engine}: {cause}")).with_source(cause)
        })?;
        let (Some(stdout), Some(stderr)) = (command.stdout.take(), command.stderr.take()) else {
            return Err(Error::new(
                ErrorKind::Launch,
                format!("{engine} was started without its output pipes"),
            ));
        };
        let (stdin, output) = (command.stdin.take(), RunnerOutput::new(stdout, stderr));
        *self.command.lock().await = Some(command);
        Ok(match stdin {
            Some(stdin) => output.with_stdin(stdin),
            None => output,
        })
    }

    fn name(&self) -> String {
        self.container.image.to_string_lossy().into_owned()
    }

    async fn diagnose(&self) -> String {
        let image = &self.container.image;
        let asked = ["image", "inspect", "--format", "{{.Os}}/{{.Architecture}}"].map(OsStr::new);
        let asked = self.ask_engine(&[&asked[..], &[image]].concat()).await;
        let mut text = format!("About the container:\n  Image: {}\n", image.display());
        if let Ok(platform) = asked
            && platform.status.success()
        {
            let (platform, host) = (String::from_utf8_lossy(&platform.stdout), std::env::consts::ARCH);
            text += &format!("  Platform: {} (current architecture: {host})\n", platform.trim());
        }
        text
    }
}

/// The same place under another directory.
fn translate(address: Address, from: &Path, to: &Path) -> Result<Address> {
    let Address::Unix(path) = &address else { return Ok(address) };
    match path.strip_prefix(from) {
        Ok(rest) if !rest.components().any(|part| part == std::path::Component::ParentDir) => {
            Ok(Address::Unix(to.join(rest)))
        }
        _ => Err(Error::new(
            ErrorKind::BadHandshake,
            format!(
                "the socket {address} is not in {}, the directory that host and container share: does the plugin know {}?",
                from.display(),
                env::UNIX_SOCKET_DIR
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(stdio: Option<StdioConnection>) -> Running {
        let spec = RunnerSpec {
            environment: vec![("HOME".into(), "/root".into())],
            protocol: vec![
                ("COOKIE".into(), "1".into()),
                (env::UNIX_SOCKET_DIR.into(), "/tmp/plugin-dirX".into()),
            ],
            socket_dir: "/tmp/plugin-dirX".into(),
            stdio,
        };
        Running::new(Container::docker("image").option("--network=none").argument("serve"), spec)
    }

    #[test]
    fn the_command_is_dockers() {
        let user = format!("--user={}:{}", geteuid().as_raw(), getegid().as_raw());
        let volume = "--volume /tmp/plugin-dirX:/run/go-plugin";
        for (stdio, connection, sockets) in [
            (None, volume.to_owned(), true),
            (Some(StdioConnection::IfOffered), format!("{volume} --interactive"), true),
            (Some(StdioConnection::Required), "--interactive".to_owned(), false),
        ] {
            let running = running(stdio);
            let command = running.run();
            let args: Vec<_> =
                command.as_std().get_args().map(|arg| arg.to_str().unwrap().to_owned()).collect();
            let variables =
                if sockets { "--env COOKIE --env PLUGIN_UNIX_SOCKET_DIR" } else { "--env COOKIE" };
            let expected = format!(
                "run --rm --name {} {connection} {variables} {user} --network=none image serve",
                running.name
            );
            assert_eq!(args.join(" "), expected);
            let envs: Vec<_> = command.as_std().get_envs().collect();
            let socket_dir = ("PLUGIN_UNIX_SOCKET_DIR".as_ref(), Some("/run/go-plugin".as_ref()));
            assert_eq!(
                (envs.contains(&socket_dir), envs.len()),
                (sockets, 1 + usize::from(sockets)),
                "{envs:?}"
            );
        }
    }

    #[test]
    fn addresses_are_translated_both_ways() {
        let (running, unix) = (running(None), |path: &str| Address::Unix(path.into()));
        let (inside, outside) = (unix("/run/go-plugin/plugin1"), unix("/tmp/plugin-dirX/plugin1"));
        assert_eq!(running.plugin_to_host(inside.clone()).unwrap(), outside);
        assert_eq!(running.host_to_plugin(outside).unwrap(), inside);
        let tcp = Address::Tcp("127.0.0.1:1".into());
        assert_eq!(running.plugin_to_host(tcp.clone()).unwrap(), tcp);
        for elsewhere in ["/tmp/plugin1", "/run/go-plugin/../../etc/socket", "/run/go-plugin2/plugin"] {
            let error = running.plugin_to_host(unix(elsewhere)).unwrap_err();
            assert!(error.to_string().contains("not in /run/go-plugin"), "{error}");
        }
    }
}
