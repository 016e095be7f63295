//! A plugin in this process that a host takes for a program.

use crate::{
    Address, AttachedRunner, ClientBuilder, Error, HandshakeLine, Protocol, Result, Runner, RunnerOutput,
    RunnerSpec, Server, TestServer, env,
    net::{Connection, ListenOptions, Listener, UNIX_BY_DEFAULT},
    plugin::Asked,
};
use async_trait::async_trait;
use std::{
    ffi::OsString,
    fmt,
    process::ExitStatus,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, DuplexStream, copy_bidirectional, duplex, join},
    sync::watch,
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

/// What a pipe to the host holds: a handshake line with room to spare.
const PIPE: usize = 64 << 10;

/// How long connecting to the plugin itself may take, in the same process.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A plugin without a program: put into a [`ClientBuilder`] it is started, called, killed and crashed like one. No process is involved; its
/// socket and what travels over it are real.
///
/// Cheap to clone; all clones speak of the same plugin, which may be started any number of times (under a
/// [`Supervisor`](crate::Supervisor), for one), in one process at a time.
///
/// ```
/// # #[cfg(feature = "netrpc")] mod example {
/// # use go_plugin::{Client, Handshake, Result, serve, testing::FakePlugin};
/// # const HANDSHAKE: Handshake = Handshake::new(1, "BASIC_PLUGIN", "hello");
/// # #[go_plugin::interface] pub trait Greeter { async fn greet(&self) -> Result<String>; }
/// # pub struct GreeterHello;
/// # #[go_plugin::interface] impl Greeter for GreeterHello { async fn greet(&self) -> Result<String> { Ok("Hello!".into()) } }
/// # #[tokio::main]
/// # pub async fn main() -> Result<()> {
/// let fake = FakePlugin::serving(|| serve(HANDSHAKE).plugin("greeter", GreeterPlugin::new(GreeterHello)));
/// let builder = Client::builder(HANDSHAKE).plugin("greeter", GreeterPlugin::client());
/// let client = fake.install(builder).start().await?;
/// let greeter = client.dispense::<GreeterPlugin>("greeter").await?;
/// assert_eq!(greeter.greet().await?, "Hello!");
/// fake.crash().await;
/// assert!(greeter.greet().await.unwrap_err().is_disconnected());
/// # Ok(())
/// # }
/// # }
/// # fn main() { #[cfg(feature = "netrpc")] example::main().unwrap() }
/// ```
///
/// It shares one socket for [all gRPC connections](ClientBuilder::multiplex_grpc) and takes part in AutoMTLS if its host wants that; if both
/// sides [want it](ClientBuilder::connect_over_stdio), its standard input and output are the connection. A crash leaves brokered connections alone that
/// have sockets of their own.
#[derive(Clone)]
pub struct FakePlugin(Arc<Shared>);

struct Shared {
    behaviour: Behaviour,
    starts: AtomicUsize,
    /// What crashes the one that runs now, and tells its end.
    running: Mutex<Option<(CancellationToken, watch::Receiver<Option<ExitStatus>>)>>,
}

enum Behaviour {
    Serve(Box<dyn Fn() -> Server + Send + Sync>),
    Misbehave(Misbehaviour),
}

/// What a plugin does instead of serving.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Misbehaviour {
    /// Says nothing and stays.
    Silent,
    /// Prints this line and stays.
    Prints(String),
    /// Ends at once, with this on its standard error.
    Exits(String),
    /// Prints a good line, and lets nobody connect.
    Refuses(Protocol),
    /// Prints a good line, accepts connections and never answers.
    NeverAnswers(Protocol),
    /// Prints a good line, and closes every connection.
    HangsUp(Protocol),
}

impl FakePlugin {
    /// A plugin that serves what `make` describes, anew for each start.
    pub fn serving(make: impl Fn() -> Server + Send + Sync + 'static) -> Self {
        Self::new(Behaviour::Serve(Box::new(make)))
    }

    /// A plugin that does not behave like one.
    pub fn misbehaving(how: Misbehaviour) -> Self {
        Self::new(Behaviour::Misbehave(how))
    }

    fn new(behaviour: Behaviour) -> Self {
        Self(Arc::new(Shared { behaviour, starts: AtomicUsize::new(0), running: Mutex::default() }))
    }

    /// Has the builder start this plugin, in the place of a command.
    pub fn install(&self, builder: ClientBuilder) -> ClientBuilder {
        let shared = Arc::clone(&self.0);
        builder.runner(move |spec| async move {
            let kill = CancellationToken::new();
            Ok(Fake { shared, spec, kill, ended: watch::channel(None).0 })
        })
    }

    /// Ends what runs now as a kill from outside would: its connections are broken when this returns.
    pub async fn crash(&self) {
        let running = self.0.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((kill, mut ended)) = running {
            kill.cancel();
            // An error: it is gone.
            let _ = ended.wait_for(Option::is_some).await;
        }
    }

    /// How often it was started.
    pub fn starts(&self) -> usize {
        self.0.starts.load(SeqCst)
    }
}

impl fmt::Debug for FakePlugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakePlugin").field("starts", &self.starts()).finish_non_exhaustive()
    }
}

/// One start.
struct Fake {
    shared: Arc<Shared>,
    spec: RunnerSpec,
    kill: CancellationToken,
    ended: watch::Sender<Option<ExitStatus>>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.kill.cancel();
    }
}

#[async_trait]
impl AttachedRunner for Fake {
    async fn wait(&self) -> Option<ExitStatus> {
        self.ended.subscribe().wait_for(Option::is_some).await.ok().and_then(|status| *status)
    }

    async fn kill(&self) -> Result<()> {
        self.kill.cancel();
        Ok(())
    }

    fn id(&self) -> String {
        format!("fake-{}", self.shared.starts.load(SeqCst))
    }
}

#[async_trait]
impl Runner for Fake {
    async fn start(&self) -> Result<RunnerOutput> {
        self.shared.starts.fetch_add(1, SeqCst);
        *self.shared.running.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((self.kill.clone(), self.ended.subscribe()));
        let ((stdout, said), (stderr, log), (stdin, heard)) = (duplex(PIPE), duplex(PIPE), duplex(PIPE));
        let process = Process { stdin, stdout, stderr, kill: self.kill.clone(), ended: self.ended.clone() };
        match &self.shared.behaviour {
            Behaviour::Serve(make) => process.serve(make(), &self.spec).await?,
            Behaviour::Misbehave(how) => process.misbehave(how, &self.spec).await?,
        }
        Ok(RunnerOutput::new(said, log).with_stdin(heard))
    }

    fn name(&self) -> String {
        "fake".to_owned()
    }
}

/// The plugin's side of its streams.
struct Process {
    stdin: DuplexStream,
    stdout: DuplexStream,
    stderr: DuplexStream,
    kill: CancellationToken,
    ended: watch::Sender<Option<ExitStatus>>,
}

impl Process {
    async fn serve(mut self, server: Server, spec: &RunnerSpec) -> Result<()> {
        let text = |name| variable(spec, name).map(|value| value.to_string_lossy().into_owned());
        let asked = Asked {
            versions: text(env::PROTOCOL_VERSIONS),
            over: None,
            multiplex: text(env::MULTIPLEX_GRPC),
            stdio: text(env::CONNECT_STDIO),
            client_cert: variable(spec, env::CLIENT_CERT).cloned(),
        };
        let (mut server, said) = server.start_in_process(asked)?;
        let behind = server.reattach_config().address.clone();
        if said.address == Address::Stdio {
            self.say(&said.to_string()).await?;
            self.connect_streams(server, behind);
            return Ok(());
        }
        // Between host and plugin, so that a crash can cut their connections.
        let listener = listen(spec)?;
        self.say(&HandshakeLine { address: listener.address()?, ..said }.to_string()).await?;
        tokio::spawn(async move {
            let mut connections = JoinSet::new();
            let status = loop {
                tokio::select! {
                    () = self.kill.cancelled() => break killed(),
                    () = server.ended() => break success(),
                    accepted = listener.accept() => if let Ok(mut host) = accepted {
                        let address = behind.clone();
                        connections.spawn(async move { connect(&mut host, &address).await });
                    },
                    Some(_) = connections.join_next() => {}
                }
            };
            if status == success() {
                // What was said last is on its way.
                while connections.join_next().await.is_some() {}
            }
            connections.shutdown().await;
            drop((listener, self.stdout, self.stderr));
            self.ended.send_replace(Some(status));
        });
        Ok(())
    }

    /// Ends with its one connection.
    fn connect_streams(self, server: TestServer, behind: Address) {
        tokio::spawn(async move {
            let Self { stdin, stdout, stderr, kill, ended } = self;
            let mut host = join(stdin, stdout);
            let status = tokio::select! {
                () = kill.cancelled() => killed(),
                () = connect(&mut host, &behind) => success(),
            };
            drop((host, stderr));
            if status == success() {
                server.stop().await;
            }
            ended.send_replace(Some(status));
        });
    }

    async fn misbehave(mut self, how: &Misbehaviour, spec: &RunnerSpec) -> Result<()> {
        let mut listener = None;
        match how {
            Misbehaviour::Silent => {}
            Misbehaviour::Prints(line) => self.say(line).await?,
            Misbehaviour::Exits(reason) => {
                self.stderr.write_all(reason.as_bytes()).await?;
                self.ended.send_replace(Some(failure()));
                return Ok(());
            }
            Misbehaviour::Refuses(protocol)
            | Misbehaviour::NeverAnswers(protocol)
            | Misbehaviour::HangsUp(protocol) => {
                let bound = listen(spec)?;
                let version = variable(spec, env::PROTOCOL_VERSIONS);
                let version = version.and_then(|list| list.to_str()?.split(',').next()?.parse().ok());
                self.say(&line(*protocol, version.unwrap_or_default(), &bound)?).await?;
                listener = (!matches!(how, Misbehaviour::Refuses(_))).then_some(bound);
            }
        }
        let keep = matches!(how, Misbehaviour::NeverAnswers(_));
        tokio::spawn(async move {
            let mut kept = Vec::new();
            loop {
                tokio::select! {
                    () = self.kill.cancelled() => break,
                    accepted = accept(listener.as_ref()) => kept.extend(accepted.filter(|_| keep)),
                }
            }
            drop((kept, listener, self.stdout, self.stderr));
            self.ended.send_replace(Some(killed()));
        });
        Ok(())
    }

    async fn say(&mut self, line: &str) -> Result<()> {
        Ok(self.stdout.write_all(format!("{line}\n").as_bytes()).await?)
    }
}

/// Carries everything between the two, until both directions have ended.
async fn connect(host: &mut (impl AsyncRead + AsyncWrite + Unpin), behind: &Address) {
    if let Ok(mut plugin) = Connection::dial(behind, CONNECT_TIMEOUT).await {
        let _ = copy_bidirectional(host, &mut plugin).await;
    }
}

/// What the host says to its plugin by this name.
fn variable<'a>(spec: &'a RunnerSpec, name: &str) -> Option<&'a OsString> {
    spec.protocol.iter().find(|(variable, _)| variable == name).map(|(_, value)| value)
}

async fn accept(listener: Option<&Listener>) -> Option<Connection> {
    match listener {
        Some(listener) => listener.accept().await.ok(),
        None => std::future::pending().await,
    }
}

fn listen(spec: &RunnerSpec) -> Result<Listener> {
    let in_dir = || ListenOptions::in_dir(spec.socket_dir.clone());
    Listener::bind(&if UNIX_BY_DEFAULT { in_dir() } else { ListenOptions::any_port() })
}

fn line(protocol: Protocol, version: u32, listener: &Listener) -> Result<String> {
    let address = listener.address().map_err(Error::from)?;
    Ok(HandshakeLine { version, address, protocol, server_certificate: None, multiplex: None }.to_string())
}

#[cfg(unix)]
fn status(raw: i32) -> ExitStatus {
    std::os::unix::process::ExitStatusExt::from_raw(raw)
}

#[cfg(windows)]
fn status(raw: i32) -> ExitStatus {
    std::os::windows::process::ExitStatusExt::from_raw(raw.cast_unsigned())
}

fn success() -> ExitStatus {
    status(0)
}

/// Exit code 1.
fn failure() -> ExitStatus {
    status(if cfg!(unix) { 1 << 8 } else { 1 })
}

/// By SIGKILL; as the exit code 9 where there are no signals.
fn killed() -> ExitStatus {
    status(9)
}
