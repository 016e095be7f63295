//! A counter plugin that speaks gRPC, or net/rpc when its first argument is `netrpc`.

mod shared;

use go_plugin::{Error, NetRpcPlugin, Plugin, Result};
use serde::{Deserialize, Serialize};
use shared::{AddHelper, Counter, CounterPlugin, HANDSHAKE, NAME};
use std::{path::PathBuf, sync::Arc};

/// Keeps each counter in a file of the working directory, in the form of go-plugin's example.
struct Files;

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Data {
    value: i64,
}

#[go_plugin::interface]
impl Counter for Files {
    async fn put(&self, key: &str, value: i64, helper: Arc<dyn AddHelper>) -> Result<()> {
        let before = self.get(key).await.unwrap_or(0);
        let value = helper.sum(before, value).await?;
        let json = serde_json::to_vec(&Data { value }).map_err(Error::msg)?;
        Ok(tokio::fs::write(file(key)?, json).await?)
    }

    async fn get(&self, key: &str) -> Result<i64> {
        let json = tokio::fs::read(file(key)?).await?;
        Ok(serde_json::from_slice::<Data>(&json).map_err(Error::msg)?.value)
    }
}

fn file(key: &str) -> Result<PathBuf> {
    if key.contains(['/', '\\']) {
        return Err(Error::msg(format!("{key:?} cannot be a key: it would name a file elsewhere")));
    }
    Ok(PathBuf::from(format!("kv_{key}")))
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
async fn main() -> Result<()> {
    let (server, counter) = (go_plugin::serve(HANDSHAKE), CounterPlugin::new(Files));
    match std::env::args().nth(1).as_deref() {
        Some("netrpc") => server.plugin(NAME, NetRpcOnly(counter)).await,
        _ => server.plugin(NAME, counter).await,
    }
}
