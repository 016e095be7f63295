//! The clients that a program ends all at once.

use super::{Client, client::Running};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::task::JoinSet;

/// Every managed client that may still be alive.
static CLIENTS: Mutex<Vec<Weak<Running>>> = Mutex::new(Vec::new());

pub(super) fn add(running: &Arc<Running>) {
    let mut clients = CLIENTS.lock().unwrap_or_else(PoisonError::into_inner);
    // Those that are gone make room, so that the list is as long as there are clients.
    clients.retain(|client| client.strong_count() > 0);
    clients.push(Arc::downgrade(running));
}

/// Ends every [managed](super::ClientBuilder::managed) client, all at once, and waits for it: for the end of a program. What
/// [`Client::kill`] says of one goes for each. Go's `CleanupClients`.
pub async fn cleanup_clients() {
    let clients = std::mem::take(&mut *CLIENTS.lock().unwrap_or_else(PoisonError::into_inner));
    let mut kills = JoinSet::new();
    for running in clients.iter().filter_map(Weak::upgrade) {
        kills.spawn(async move {
            let client = Client::from_running(running);
            if let Err(error) = client.kill().await {
                tracing::error!(plugin = client.name(), %error, "plugin cannot be killed");
            }
        });
    }
    // A panic in one of them has been reported where it happened.
    while kills.join_next().await.is_some() {}
}
