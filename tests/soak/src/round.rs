//! One plugin's life, in one of the ways that it can go.

use std::{path::Path, process::Command, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use fastrand::Rng;
use go_plugin::{Client, Fault, Protocol};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{task::JoinSet, time::timeout};

use crate::{
    SERVE, plugin,
    shared::{AddHelper, Counter, CounterPlugin, HANDSHAKE, NAME},
};

/// How a plugin's life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Quits,
    IsKilledInCalls,
    IsDroppedInCalls,
    IsGivenUpWhileStarting,
    Crashes,
}

impl Kind {
    const ALL: [Self; 5] = [
        Self::Quits,
        Self::IsKilledInCalls,
        Self::IsDroppedInCalls,
        Self::IsGivenUpWhileStarting,
        Self::Crashes,
    ];

    pub(crate) fn any(random: &mut Rng) -> Self {
        random.choice(Self::ALL).unwrap_or(Self::Quits)
    }

    pub(crate) fn about(self) -> &'static str {
        match self {
            Self::Quits => "plugins called and asked to quit",
            Self::IsKilledInCalls => "plugins ended by `kill` with calls in flight",
            Self::IsDroppedInCalls => "plugins whose clients were dropped with calls in flight",
            Self::IsGivenUpWhileStarting => "starts that were given up",
            Self::Crashes => "plugins that died of SIGKILL with calls in flight, and were started again",
        }
    }
}

/// Adds for the plugin.
struct Adder;

#[go_plugin::interface]
impl AddHelper for Adder {
    async fn sum(&self, a: i64, b: i64) -> go_plugin::Result<i64> {
        Ok(a + b)
    }
}

pub(crate) async fn run(kind: Kind, random: &mut Rng, dir: &Path) -> Result<()> {
    let transport = random.choice([Protocol::NetRpc, Protocol::Grpc]).unwrap_or(Protocol::Grpc);
    match kind {
        Kind::Quits => {
            let (client, counter) = start(transport, random.bool(), dir).await?;
            count(&counter, random).await?;
            client.ping().await?;
            client.kill().await?;
            let status = client.exited().await.context("no status")?;
            ensure!(status.success(), "{transport}: ended with {status}");
        }
        Kind::IsKilledInCalls => {
            let (client, counter) = start(transport, random.bool(), dir).await?;
            let calls = calls_that_wait(&counter, random);
            pause(random).await;
            client.kill().await?;
            fail(calls, transport).await?;
        }
        Kind::IsDroppedInCalls => {
            let (client, counter) = start(transport, random.bool(), dir).await?;
            let calls = calls_that_wait(&counter, random);
            pause(random).await;
            drop(client);
            fail(calls, transport).await?;
        }
        Kind::IsGivenUpWhileStarting => {
            let limit = Duration::from_millis(random.u64(..30));
            // Whether it came in time is a matter of luck; what counts is that nothing of it is left.
            drop(timeout(limit, start(transport, random.bool(), dir)).await);
        }
        Kind::Crashes => {
            let (client, counter) = start(transport, random.bool(), dir).await?;
            let calls = calls_that_wait(&counter, random);
            pause(random).await;
            let pid = i32::try_from(client.id()).ok().and_then(Pid::from_raw).context("an odd process id")?;
            kill_process(pid, Signal::KILL)?;
            client.exited().await;
            fail(calls, transport).await?;
            let (client, counter) = start(transport, random.bool(), dir).await?;
            count(&counter, random).await?;
            client.kill().await?;
        }
    }
    Ok(())
}

/// Starts this program as a plugin. `multiplex` counts over gRPC alone.
async fn start(transport: Protocol, multiplex: bool, dir: &Path) -> Result<(Client, Arc<dyn Counter>)> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(SERVE).env(plugin::TRANSPORT, transport.to_string()).env("TMPDIR", dir);
    let client = Client::builder(HANDSHAKE)
        .plugin(NAME, CounterPlugin::client())
        .allowed_protocols([transport])
        .multiplex_grpc(multiplex && transport == Protocol::Grpc)
        .command(command)
        .start()
        .await?;
    let counter = client.dispense::<CounterPlugin>(NAME).await?;
    Ok((client, counter))
}

/// Counts to a sum under some keys at once, one of them as long as a book, each addition with a call back. Some calls are given
/// up on the way.
async fn count(counter: &Arc<dyn Counter>, random: &mut Rng) -> Result<()> {
    let mut running = JoinSet::new();
    for n in 0..random.usize(1..6) {
        let (counter, times) = (counter.clone(), random.i64(1..8));
        let key = if n == 0 { "k".repeat(300_000) } else { n.to_string() };
        running.spawn(async move {
            for value in 1..=times {
                counter.put(&key, value, Arc::new(Adder)).await?;
            }
            let (found, sum) = (counter.get(&key).await?, times * (times + 1) / 2);
            ensure!(found == sum, "counted to {found} instead of {sum}");
            Ok(())
        });
    }
    if timeout(Duration::from_millis(random.u64(1..10)), counter.get(plugin::NEVER)).await.is_ok() {
        bail!("a call that takes for ever has ended");
    }
    while let Some(counted) = running.join_next().await {
        counted??;
    }
    Ok(())
}

type Calls = JoinSet<go_plugin::Result<i64>>;

fn calls_that_wait(counter: &Arc<dyn Counter>, random: &mut Rng) -> Calls {
    let mut calls = Calls::new();
    for _ in 0..random.usize(1..20) {
        let counter = counter.clone();
        calls.spawn(async move { counter.get(plugin::NEVER).await });
    }
    calls
}

/// Calls whose plugin is gone must say so.
async fn fail(mut calls: Calls, transport: Protocol) -> Result<()> {
    while let Some(call) = calls.join_next().await {
        match call? {
            Err(error) if error.fault() == Fault::Disconnected => {}
            other => bail!("{transport}: a call without its plugin gave {other:?}"),
        }
    }
    Ok(())
}

async fn pause(random: &mut Rng) {
    tokio::time::sleep(Duration::from_millis(random.u64(..20))).await;
}
