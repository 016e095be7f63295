//! The right to use a plugin of a pool.

use super::plugin::Instance;
use crate::{Client, Plugin, Result};
use std::{fmt, ops::Deref, sync::Arc};

/// The right to use a running plugin of a [`Pool`](super::Pool): as long as there is one, the plugin is not stopped for being idle or
/// because its file was replaced. It is the plugin's [`Client`] in all but [`dispense`](Self::dispense).
pub struct Lease(Arc<Instance>);

impl Lease {
    pub(super) fn new(instance: Arc<Instance>) -> Self {
        instance.acquire();
        Self(instance)
    }

    /// The object that is registered under `name`, which keeps the plugin in use as well.
    ///
    /// # Errors
    /// As [`Client::dispense`].
    pub async fn dispense<P: Plugin + ?Sized>(&self, name: &str) -> Result<Leased<P::Interface>> {
        Ok(Leased { object: self.0.client.dispense::<P>(name).await?, lease: self.clone() })
    }
}

impl Clone for Lease {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.0))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.0.release();
    }
}

impl Deref for Lease {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.0.client
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lease").field(&self.0.client).finish()
    }
}

/// An object of a plugin of a [`Pool`](super::Pool). Derefs to the interface.
pub struct Leased<I: ?Sized> {
    object: Arc<I>,
    lease: Lease,
}

impl<I: ?Sized> Leased<I> {
    /// The plugin that it belongs to.
    pub fn lease(&self) -> &Lease {
        &self.lease
    }
}

impl<I: ?Sized> Clone for Leased<I> {
    fn clone(&self) -> Self {
        Self { object: Arc::clone(&self.object), lease: self.lease.clone() }
    }
}

impl<I: ?Sized> Deref for Leased<I> {
    type Target = I;

    fn deref(&self) -> &I {
        &self.object
    }
}

impl<I: ?Sized> fmt::Debug for Leased<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leased").field("lease", &self.lease).finish_non_exhaustive()
    }
}
