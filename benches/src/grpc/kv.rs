//! The key-value store of `examples/grpc`, through one trait over either transport.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use go_plugin::{Client, NetRpcPlugin, Plugin, Protocol};
use shared::{HANDSHAKE, Kv, KvPlugin};
use tokio::task::JoinSet;

use crate::{
    data,
    measure::{Figures, Latencies, Stopwatch},
    options::Options,
    plugin::CALLERS,
};

#[path = "../../../examples/grpc/shared.rs"]
mod shared;

const SMALL: usize = 64;
const LARGE: usize = 1 << 20;

/// Keeps what it is given.
#[derive(Default)]
struct Store(Mutex<HashMap<String, Vec<u8>>>);

impl Store {
    fn values(&self) -> MutexGuard<'_, HashMap<String, Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[go_plugin::interface]
impl Kv for Store {
    async fn put(&self, key: &str, value: &[u8]) -> go_plugin::Result<()> {
        self.values().insert(key.to_owned(), value.to_vec());
        Ok(())
    }

    async fn get(&self, key: &str) -> go_plugin::Result<Vec<u8>> {
        self.values().get(key).cloned().ok_or_else(|| go_plugin::Error::msg(format!("there is no {key}")))
    }
}

/// Serves over net/rpc alone.
struct NetRpcOnly(KvPlugin);

impl Plugin for NetRpcOnly {
    type Interface = dyn Kv;

    fn netrpc(&self) -> Option<&dyn NetRpcPlugin<dyn Kv>> {
        self.0.netrpc()
    }
}

/// The plugin.
pub async fn serve(options: Options) -> Result<()> {
    let (server, store) = (go_plugin::serve(HANDSHAKE), KvPlugin::new(Store::default()));
    match options.transport {
        Protocol::NetRpc => server.plugin("kv", NetRpcOnly(store)).await?,
        Protocol::Grpc => server.plugin("kv", store).await?,
    }
    Ok(())
}

/// One host, whatever the plugin speaks.
pub async fn over(options: Options) -> Result<Figures> {
    let transport = if options.work == "kv/grpc" { Protocol::Grpc } else { Protocol::NetRpc };
    let mut command = options.other_end("kv-plugin");
    command.args(["--transport", transport.as_str()]);
    let client = Client::builder(HANDSHAKE)
        .plugin("kv", KvPlugin::client())
        .allowed_protocols([Protocol::NetRpc, Protocol::Grpc])
        .command(command)
        .start()
        .await?;
    ensure!(client.protocol() == transport, "the plugin speaks {}", client.protocol());
    let kv = client.dispense::<KvPlugin>("kv").await?;
    kv.put("small", &data::bytes(SMALL)).await?;
    kv.put("large", &data::bytes(LARGE)).await?;
    get_repeatedly(&*kv, "small", SMALL, options.time / 10).await?;

    let mut figures = get_repeatedly(&*kv, "small", SMALL, options.time).await?.figures();
    figures.extend(get_at_once(&kv, client.id(), options.time).await?);
    figures.extend(large(&*kv, client.id(), options.time).await?);
    client.kill().await?;
    Ok(figures)
}

async fn get_repeatedly(kv: &dyn Kv, key: &str, size: usize, time: Duration) -> Result<Latencies> {
    let (begin, mut latencies) = (Instant::now(), Latencies::default());
    while begin.elapsed() < time {
        let start = Instant::now();
        let value = kv.get(key).await?;
        latencies.push(start);
        ensure!(value.len() == size, "the value is wrong");
    }
    Ok(latencies)
}

async fn get_at_once(kv: &Arc<dyn Kv>, plugin: u32, time: Duration) -> Result<Figures> {
    let watch = Stopwatch::start(plugin)?;
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let kv = Arc::clone(kv);
        callers.spawn(async move { get_repeatedly(&*kv, "small", SMALL, time).await });
    }
    let mut count = 0;
    while let Some(latencies) = callers.join_next().await {
        count += latencies??.len();
    }
    watch.figures("per_second", count as f64, count as f64)
}

/// Values of 1 MiB: one put, one get, and so on.
async fn large(kv: &dyn Kv, plugin: u32, time: Duration) -> Result<Figures> {
    let (value, watch, begin, mut calls) =
        (data::bytes(LARGE), Stopwatch::start(plugin)?, Instant::now(), 0_u32);
    while begin.elapsed() < time {
        kv.put("large", &value).await?;
        ensure!(kv.get("large").await?.len() == LARGE, "the value is wrong");
        calls += 2;
    }
    let figures = watch.figures("mib_per_second", f64::from(calls), f64::from(calls))?;
    Ok(figures
        .into_iter()
        .map(|(name, value)| if name == "cpu" { ("cpu_large", value) } else { (name, value) })
        .collect())
}
