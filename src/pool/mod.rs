//! Many plugins: each started when it is first needed, stopped when it is not, replaced when its file is.

mod folder;
mod lease;
mod plugin;

use crate::{Client, ClientBuilder, Error, ErrorKind, Result};
use folder::Folder;
pub use lease::{Lease, Leased};
use plugin::Plugin;
use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};
use tokio::{
    sync::Notify,
    task::JoinSet,
    time::{Instant, sleep_until},
};

/// How long a plugin that nobody uses is kept, unless [`PoolBuilder::idle_timeout`] says otherwise. Starting one again takes
/// milliseconds, so this is about what the plugin has in memory and would have to find out anew.
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// Plugins by name, of which those run that are in use.
///
/// A plugin is started by the first [`get`](Self::get) and stopped when it has not been in use for a while. One that has
/// died is started again by the next `get`. Programs in a [`folder`](PoolBuilder::folder) are picked up as they come: a file
/// that was added is a new plugin; one that was replaced is started from its new file, while whoever uses the old process goes on
/// with that until the last [`Lease`] is dropped.
///
/// Cheap to clone; all clones are the same pool. When the last is dropped, plugins that are in use live on until their last
/// lease is dropped, and the others are killed.
///
/// ```no_run
/// # #[cfg(feature = "netrpc")] mod example {
/// # use go_plugin::{Client, Handshake, Result, pool::Pool};
/// # pub const HANDSHAKE: Handshake = Handshake::new(1, "BASIC_PLUGIN", "hello");
/// # #[go_plugin::interface] pub trait Greeter { async fn greet(&self) -> Result<String>; }
/// # async fn example() -> Result<()> {
/// let pool = Pool::builder()
///     .folder("./bin", "*.po", |file| {
///         Client::builder(HANDSHAKE).plugin("greeter", GreeterPlugin::client()).command(file)
///     })
///     .build()?;
/// for name in pool.names() {
///     let greeter = pool.get(&name).await?.dispense::<GreeterPlugin>("greeter").await?;
///     println!("{name}: {}", greeter.greet().await?);
/// }
/// # Ok(())
/// # }
/// # }
/// ```
#[derive(Clone)]
pub struct Pool(Arc<Shared>);

struct Shared {
    plugins: Mutex<BTreeMap<String, Arc<Plugin>>>,
    /// Plugins whose files are gone, until they are no longer in use.
    retired: Mutex<Vec<Arc<Plugin>>>,
    folders: Vec<Folder>,
    idle_timeout: Option<Duration>,
    /// Told when a plugin is no longer in use.
    released: Arc<Notify>,
}

/// What a [`Pool`] consists of.
#[must_use = "there is no pool before `build`"]
pub struct PoolBuilder {
    plugins: BTreeMap<String, Arc<Plugin>>,
    folders: Vec<Folder>,
    idle_timeout: Option<Duration>,
    released: Arc<Notify>,
}

impl PoolBuilder {
    /// Adds a plugin under a name of its own. `make` says how to start it, each time that this is necessary.
    pub fn plugin(
        mut self,
        name: impl Into<String>,
        make: impl Fn() -> ClientBuilder + Send + Sync + 'static,
    ) -> Self {
        self.plugins.insert(name.into(), Plugin::new(make, None, &self.released));
        self
    }

    /// Adds the programs in `dir` whose names match `pattern` (as for [`discover`](crate::discover)), now and later, each under
    /// the name of its file. `make` says how to start the one that it is given. What cannot be executed is left out, and a
    /// name that is taken keeps its meaning.
    ///
    /// Replace a file by renaming another one over it: one that is written in place would be started half written.
    pub fn folder(
        mut self,
        dir: impl Into<PathBuf>,
        pattern: impl Into<String>,
        make: impl Fn(&Path) -> ClientBuilder + Send + Sync + 'static,
    ) -> Self {
        self.folders.push(Folder::new(dir.into(), pattern.into(), make));
        self
    }

    /// How long a plugin that nobody uses is kept; five minutes by default, for ever with `None`.
    pub fn idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.idle_timeout = limit.into();
        self
    }

    /// The pool. Nothing is started yet.
    ///
    /// # Errors
    /// As for [`discover`](crate::discover), which looks into the folders.
    ///
    /// # Panics
    /// Outside of a tokio runtime with time enabled: a task of it stops what is idle.
    pub fn build(self) -> Result<Pool> {
        let Self { plugins, folders, idle_timeout, released } = self;
        let shared = Shared {
            plugins: Mutex::new(plugins),
            retired: Mutex::default(),
            folders,
            idle_timeout,
            released: Arc::clone(&released),
        };
        let pool = Pool(Arc::new(shared));
        pool.refresh()?;
        tokio::spawn(stop_idle(Arc::downgrade(&pool.0), released));
        Ok(pool)
    }
}

impl Pool {
    /// An empty pool, to be filled.
    pub fn builder() -> PoolBuilder {
        PoolBuilder {
            plugins: BTreeMap::new(),
            folders: Vec::new(),
            idle_timeout: Some(IDLE_TIMEOUT),
            released: Arc::default(),
        }
    }

    /// The running plugin called `name`, started if it does not run. It is in use until the lease is dropped.
    ///
    /// Several callers at once wait for one start. Cancel safe: of a start that is given up nothing is left, and the
    /// next caller begins anew.
    ///
    /// # Errors
    /// [`UnknownPlugin`](ErrorKind::UnknownPlugin), or those of [`ClientBuilder::start`]. The next `get` tries again.
    pub async fn get(&self, name: &str) -> Result<Lease> {
        self.refresh()?;
        let plugin = lock(&self.0.plugins).get(name).cloned();
        let unknown =
            || Error::new(ErrorKind::UnknownPlugin, format!("there is no plugin {name:?} in this pool"));
        plugin.ok_or_else(unknown)?.lease().await
    }

    /// The names of all plugins, running or not, in alphabetical order.
    pub fn names(&self) -> Vec<String> {
        lock(&self.0.plugins).keys().cloned().collect()
    }

    /// The names of those that run.
    pub fn running(&self) -> Vec<String> {
        let plugins = lock(&self.0.plugins);
        plugins.iter().filter(|(_, plugin)| plugin.runs()).map(|(name, _)| name.clone()).collect()
    }

    /// Looks for files that were added, replaced or removed; [`get`](Self::get) does so by itself. Reads the folders and
    /// blocks meanwhile.
    ///
    /// # Errors
    /// As for [`discover`](crate::discover).
    pub fn refresh(&self) -> Result<()> {
        let Shared { plugins, retired, folders, released, .. } = &*self.0;
        let mut found = Vec::new();
        for folder in folders {
            found.extend(folder.look()?.into_iter().map(|file| (folder, file)));
        }
        let mut plugins = lock(plugins);
        let kept =
            |plugin: &Plugin| plugin.file().is_none_or(|own| found.iter().any(|(_, file)| file == own));
        plugins.retain(|_, plugin| {
            let keep = kept(plugin);
            if !keep {
                lock(retired).push(Arc::clone(plugin));
                released.notify_one();
            }
            keep
        });
        for (folder, file) in found {
            plugins.entry(file.name()).or_insert_with(|| folder.plugin(file, released));
        }
        Ok(())
    }

    /// Kills all plugins, in use or not, each in good order. The pool can be used on: the next `get` starts them again.
    pub async fn stop(&self) {
        let plugins: Vec<_> =
            lock(&self.0.plugins).values().cloned().chain(lock(&self.0.retired).drain(..)).collect();
        kill(plugins.iter().filter_map(|plugin| plugin.take())).await;
    }
}

impl Shared {
    /// Takes out what has been idle for too long. Returns that, and when the next will have been.
    fn take_idle(&self, now: Instant) -> (Vec<Client>, Option<Instant>) {
        let mut idle = Vec::new();
        let mut next = None;
        // A limit that reaches back to before the machine was started has not passed.
        let before = self.idle_timeout.and_then(|limit| now.checked_sub(limit));
        for plugin in lock(&self.plugins).values() {
            idle.extend(before.and_then(|before| plugin.take_idle(before)));
            let due = plugin
                .idle_since()
                .zip(self.idle_timeout)
                .and_then(|(since, limit)| since.checked_add(limit));
            next = next.into_iter().chain(due).min();
        }
        lock(&self.retired).retain(|plugin| {
            idle.extend(plugin.take_idle(now));
            // Somebody may still be starting it.
            plugin.runs() || Arc::strong_count(plugin) > 1
        });
        (idle, next)
    }
}

/// Stops what nobody uses, for as long as there is a pool.
async fn stop_idle(pool: Weak<Shared>, released: Arc<Notify>) {
    loop {
        let Some(pool) = pool.upgrade() else { return };
        let (idle, next) = pool.take_idle(Instant::now());
        drop(pool);
        kill(idle).await;
        let due = async {
            match next {
                Some(next) => sleep_until(next).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = due => {}
            // Also when the pool is dropped.
            () = released.notified() => {}
        }
    }
}

async fn kill(clients: impl IntoIterator<Item = Client>) {
    let mut kills = JoinSet::new();
    for client in clients {
        kills.spawn(async move {
            if let Err(error) = client.kill().await {
                tracing::warn!(%error, plugin = client.name(), "cannot stop a plugin");
            }
        });
    }
    kills.join_all().await;
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.released.notify_one();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("names", &self.names()).field("running", &self.running()).finish()
    }
}

impl fmt::Debug for PoolBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { plugins, folders, idle_timeout, .. } = self;
        f.debug_struct("PoolBuilder")
            .field("plugins", &plugins.keys())
            .field("folders", folders)
            .field("idle_timeout", idle_timeout)
            .finish()
    }
}
