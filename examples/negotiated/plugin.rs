//! Two versions of one plugin in one process: version 2 over net/rpc for hosts that know no other, version 3 over gRPC.

/// The store is that of the `grpc` example.
#[path = "../grpc/shared.rs"]
mod shared;

use go_plugin::{Error, NetRpcPlugin, Plugin, PluginSet, Result};
use shared::{HANDSHAKE, Kv, KvPlugin};
use std::path::PathBuf;

/// Keeps each key in a file of the working directory and says which version wrote and read it, as go-plugin's example does.
struct Files {
    version: u32,
}

#[go_plugin::interface]
impl Kv for Files {
    async fn put(&self, key: &str, value: &[u8]) -> Result<()> {
        let mut value = value.to_vec();
        value.extend_from_slice(format!("\n\nWritten from plugin version {}\n", self.version).as_bytes());
        Ok(tokio::fs::write(file(key)?, value).await?)
    }

    async fn get(&self, key: &str) -> Result<Vec<u8>> {
        let mut value = tokio::fs::read(file(key)?).await?;
        value.extend_from_slice(format!("Read by plugin version {}\n", self.version).as_bytes());
        Ok(value)
    }
}

fn file(key: &str) -> Result<PathBuf> {
    if key.contains(['/', '\\']) {
        return Err(Error::msg(format!("{key:?} cannot be a key: it would name a file elsewhere")));
    }
    Ok(PathBuf::from(format!("kv_{key}")))
}

/// The plugin of version 2: it has no gRPC half.
struct NetRpcOnly(KvPlugin);

impl Plugin for NetRpcOnly {
    type Interface = dyn Kv;

    fn netrpc(&self) -> Option<&dyn NetRpcPlugin<dyn Kv>> {
        self.0.netrpc()
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let kv = |version| KvPlugin::new(Files { version });
    go_plugin::serve(HANDSHAKE)
        .version(2, PluginSet::new().plugin("kv", NetRpcOnly(kv(2))))
        .version(3, PluginSet::new().plugin("kv", kv(3)))
        .await
}
