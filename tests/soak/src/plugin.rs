//! The plugin: counters in memory.

use std::{
    collections::BTreeMap,
    env,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use go_plugin::{NetRpcPlugin, Plugin, Protocol, Result};

use crate::shared::{AddHelper, Counter, CounterPlugin, HANDSHAKE, NAME};

/// The variable that names the transport.
pub(crate) const TRANSPORT: &str = "SOAK_TRANSPORT";

/// The key whose value takes for ever.
pub(crate) const NEVER: &str = "never";

#[derive(Default)]
struct Counters(Mutex<BTreeMap<String, i64>>);

#[go_plugin::interface]
impl Counter for Counters {
    async fn put(&self, key: &str, value: i64, helper: Arc<dyn AddHelper>) -> Result<()> {
        let before = self.get(key).await?;
        let sum = helper.sum(before, value).await?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned(), sum);
        Ok(())
    }

    async fn get(&self, key: &str) -> Result<i64> {
        if key == NEVER {
            tokio::time::sleep(Duration::MAX).await;
        }
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).copied().unwrap_or(0))
    }
}

/// The plugin without its gRPC half.
struct NetRpcOnly(CounterPlugin);

impl Plugin for NetRpcOnly {
    type Interface = dyn Counter;

    fn netrpc(&self) -> Option<&dyn NetRpcPlugin<dyn Counter>> {
        self.0.netrpc()
    }
}

#[tokio::main]
pub(crate) async fn serve() -> Result<()> {
    let (server, counter) = (go_plugin::serve(HANDSHAKE), CounterPlugin::new(Counters::default()));
    if env::var(TRANSPORT).is_ok_and(|name| name == Protocol::NetRpc.to_string()) {
        server.plugin(NAME, NetRpcOnly(counter)).await
    } else {
        server.plugin(NAME, counter).await
    }
}
