//! One plugin of a pool: how it is started, and its process if it runs.

use super::{folder::Found, lease::Lease, lock};
use crate::{Client, ClientBuilder, Result};
use std::sync::{Arc, Mutex};
use tokio::{sync::Notify, time::Instant};

pub(super) struct Plugin {
    make: Box<dyn Fn() -> ClientBuilder + Send + Sync>,
    /// What it was made for, if it comes from a folder.
    file: Option<Found>,
    /// Held by the one who starts it.
    starting: tokio::sync::Mutex<()>,
    running: Mutex<Option<Arc<Instance>>>,
    released: Arc<Notify>,
}

/// A process, and how much in use it is.
pub(super) struct Instance {
    pub(super) client: Client,
    usage: Mutex<Usage>,
    released: Arc<Notify>,
}

struct Usage {
    leases: usize,
    /// Since when there is none.
    since: Instant,
}

impl Plugin {
    pub(super) fn new(
        make: impl Fn() -> ClientBuilder + Send + Sync + 'static,
        file: Option<Found>,
        released: &Arc<Notify>,
    ) -> Arc<Self> {
        Arc::new(Self {
            make: Box::new(make),
            file,
            starting: tokio::sync::Mutex::default(),
            running: Mutex::default(),
            released: Arc::clone(released),
        })
    }

    pub(super) fn file(&self) -> Option<&Found> {
        self.file.as_ref()
    }

    pub(super) fn runs(&self) -> bool {
        lock(&self.running).as_ref().is_some_and(|instance| !instance.client.has_exited())
    }

    /// A lease of the process, which is started if it does not run.
    pub(super) async fn lease(&self) -> Result<Lease> {
        if let Some(lease) = self.lease_running() {
            return Ok(lease);
        }
        let _starting = self.starting.lock().await;
        if let Some(lease) = self.lease_running() {
            return Ok(lease);
        }
        let client = (self.make)().start().await?;
        let usage = Mutex::new(Usage { leases: 0, since: Instant::now() });
        let instance = Arc::new(Instance { client, usage, released: Arc::clone(&self.released) });
        let mut running = lock(&self.running);
        *running = Some(Arc::clone(&instance));
        Ok(Lease::new(instance))
    }

    /// Leases are made under the lock under which processes are taken: nobody gets one of a process that is being stopped.
    fn lease_running(&self) -> Option<Lease> {
        let running = lock(&self.running);
        running
            .as_ref()
            .filter(|instance| !instance.client.has_exited())
            .map(|instance| Lease::new(Arc::clone(instance)))
    }

    /// Since when nobody uses the process, if there is one and that is so.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        lock(&self.running).as_ref()?.idle_since()
    }

    /// The process, if nobody uses it since `limit`. It is no longer the pool's then.
    pub(super) fn take_idle(&self, limit: Instant) -> Option<Client> {
        let idle = |instance: &mut Arc<Instance>| instance.idle_since().is_some_and(|since| since <= limit);
        lock(&self.running).take_if(idle).map(|instance| instance.client.clone())
    }

    /// The process, in use or not. It is no longer the pool's.
    pub(super) fn take(&self) -> Option<Client> {
        lock(&self.running).take().map(|instance| instance.client.clone())
    }
}

impl Instance {
    pub(super) fn acquire(&self) {
        lock(&self.usage).leases += 1;
    }

    pub(super) fn release(&self) {
        let mut usage = lock(&self.usage);
        usage.leases -= 1;
        if usage.leases == 0 {
            usage.since = Instant::now();
            self.released.notify_one();
        }
    }

    fn idle_since(&self) -> Option<Instant> {
        let usage = lock(&self.usage);
        (usage.leases == 0).then_some(usage.since)
    }
}
