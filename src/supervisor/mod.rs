//! A plugin that is always there: its process is started again when it dies, and replaced without anybody noticing.

mod builder;
mod restarts;
mod task;

use crate::{Client, ClientBuilder, Error, ErrorKind, Plugin, Result, calls::Gate};
pub use builder::SupervisorBuilder;
use std::{fmt, sync::Arc};
use task::{Active, Command, Make};
use tokio::sync::{Mutex, mpsc, oneshot, watch};

/// A plugin whose process is started again when it dies. What it dispenses stays valid: callers keep their trait object.
///
/// - A call that is under way when the process dies fails, with [`is_disconnected`](Error::is_disconnected) and the process's exit status. It may
///   have taken effect, so it is never repeated here.
/// - A call that is made while there is no process waits for the next one, for as long as
///   [`call_timeout`](ClientBuilder::call_timeout) says; without one, until the process is there or given up.
/// - State of the old process is gone. [`on_start`](SupervisorBuilder::on_start) configures each new one before any call reaches it; over net/rpc
///   every object becomes a new instance, made under its old name.
/// - [`replace`](Self::replace) starts another program in the place of the running one. Calls under way finish on the old process.
///
/// Cheap to clone. When the last clone is dropped the plugin is killed; objects fail then.
///
/// ```no_run
/// # #[cfg(feature = "netrpc")] mod example {
/// # use go_plugin::{Client, Handshake, Result, Supervisor};
/// # pub const HANDSHAKE: Handshake = Handshake::new(1, "BASIC_PLUGIN", "hello");
/// # #[go_plugin::interface] pub trait Greeter { async fn greet(&self) -> Result<String>; }
/// # async fn example() -> Result<()> {
/// let supervisor = Supervisor::builder(|| {
///     Client::builder(HANDSHAKE).plugin("greeter", GreeterPlugin::client()).command("./greeter")
/// })
/// .start()
/// .await?;
/// let greeter = supervisor.dispense::<GreeterPlugin>("greeter").await?;
/// println!("{}", greeter.greet().await?); // also after a crash
/// supervisor.stop().await
/// # }
/// # }
/// ```
#[derive(Clone)]
pub struct Supervisor(Arc<Shared>);

struct Shared {
    commands: mpsc::Sender<Command>,
    gate: watch::Receiver<Gate>,
    /// Locked for one request to the plugin: so that no object is made while all are led to another process.
    active: Arc<Mutex<Active>>,
}

impl Supervisor {
    /// Options for a plugin that `make` describes, anew for each start.
    pub fn builder(make: impl Fn() -> ClientBuilder + Send + Sync + 'static) -> SupervisorBuilder {
        SupervisorBuilder::new(Arc::new(make))
    }

    /// The object registered under `name`, valid for as long as there is a process, whichever. Waits while there is none.
    ///
    /// # Errors
    /// As [`Client::dispense`], and if the plugin was given up.
    pub async fn dispense<P: Plugin + ?Sized>(&self, name: &str) -> Result<Arc<P::Interface>> {
        self.running().await?;
        let mut active = self.0.active.lock().await;
        let Active { client, calls, anchor } = &mut *active;
        match anchor.dispense::<P>(client, calls, name).await {
            Err(error) => Err(calls.target.explain(error).await),
            object => object,
        }
    }

    /// The process that runs now, for what needs no supervision: its objects end with it. Waits while there is none.
    ///
    /// # Errors
    /// If the plugin was given up.
    pub async fn client(&self) -> Result<Client> {
        self.running().await?;
        Ok(self.0.active.lock().await.client.clone())
    }

    /// Starts another program in the place of the one that runs: a newer binary, say, or the same again. When it is ready and
    /// [configured](SupervisorBuilder::on_start), new calls go to it. Returns then; the old process is ended when its last
    /// call is done, or after the [drain timeout](SupervisorBuilder::drain_timeout). Crashes are followed by `make` from now on.
    ///
    /// # Errors
    /// If the new process does not start or cannot take over; the old one goes on.
    pub async fn replace(&self, make: impl Fn() -> ClientBuilder + Send + Sync + 'static) -> Result<()> {
        let make: Make = Arc::new(make);
        self.command(|done| Command::Replace(make, done)).await
    }

    /// Ends the plugin as [`Client::kill`] does. It is not started again; calls fail.
    ///
    /// # Errors
    /// As [`Client::kill`].
    pub async fn stop(&self) -> Result<()> {
        self.command(Command::Stop).await
    }

    /// Waits until calls are let through.
    async fn running(&self) -> Result<()> {
        let mut gate = self.0.gate.clone();
        // As long as the restarts take: they are limited.
        let open = gate.wait_for(|gate| !matches!(gate, Gate::Shut)).await;
        match open.as_deref() {
            Ok(Gate::GaveUp(why)) => Err(Error::new(ErrorKind::Disconnected, &**why)),
            Ok(_) => Ok(()),
            Err(_) => Err(ended()),
        }
    }

    async fn command(&self, command: impl FnOnce(oneshot::Sender<Result<()>>) -> Command) -> Result<()> {
        let (done, result) = oneshot::channel();
        self.0.commands.send(command(done)).await.map_err(|_| ended())?;
        result.await.map_err(|_| ended())?
    }
}

fn ended() -> Error {
    Error::new(ErrorKind::Shutdown, "the supervisor of the plugin has ended")
}

impl fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor").field("gate", &*self.0.gate.borrow()).finish_non_exhaustive()
    }
}
