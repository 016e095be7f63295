//! One plugin's life, in one of the ways that it can go.

use std::{path::Path, process::Command, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use fastrand::Rng;
use go_plugin::{AutoMtls, Client, ClientBuilder, Fault, Protocol, Supervisor};
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
    IsFoundAgain,
    IsSupervised,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::Quits,
        Self::IsKilledInCalls,
        Self::IsDroppedInCalls,
        Self::IsGivenUpWhileStarting,
        Self::Crashes,
        Self::IsFoundAgain,
        Self::IsSupervised,
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
            Self::IsFoundAgain => "plugins that a second client reattached to",
            Self::IsSupervised => "supervised plugins that crashed and were replaced, with calls in flight",
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
            let (client, counter) = start(Way::any(transport, random), dir).await?;
            count(&counter, random).await?;
            client.ping().await?;
            client.kill().await?;
            let status = client.exited().await.context("no status")?;
            ensure!(status.success(), "{transport}: ended with {status}");
        }
        Kind::IsKilledInCalls => {
            let (client, counter) = start(Way::any(transport, random), dir).await?;
            let calls = calls_that_wait(&counter, random);
            pause(random).await;
            client.kill().await?;
            fail(calls, transport).await?;
        }
        Kind::IsDroppedInCalls => {
            let (client, counter) = start(Way::any(transport, random), dir).await?;
            let calls = calls_that_wait(&counter, random);
            pause(random).await;
            drop(client);
            fail(calls, transport).await?;
        }
        Kind::IsGivenUpWhileStarting => {
            let limit = Duration::from_millis(random.u64(..30));
            // Whether it came in time is a matter of luck; what counts is that nothing of it is left.
            drop(timeout(limit, start(Way::any(transport, random), dir)).await);
        }
        Kind::Crashes => {
            let (client, counter) = start(Way::any(transport, random), dir).await?;
            let calls = calls_that_wait(&counter, random);
            pause(random).await;
            kill_hard(&client)?;
            client.exited().await;
            fail(calls, transport).await?;
            let (client, counter) = start(Way::any(transport, random), dir).await?;
            count(&counter, random).await?;
            client.kill().await?;
        }
        Kind::IsFoundAgain => found_again(transport, random, dir).await?,
        Kind::IsSupervised => supervised(transport, random, dir).await?,
    }
    Ok(())
}

async fn found_again(transport: Protocol, random: &mut Rng, dir: &Path) -> Result<()> {
    let (first, counter) = start(Way::plain(transport), dir).await?;
    let config = first.reattach_config().context("no reattach config")?;
    let second = Client::builder(HANDSHAKE).plugin(NAME, CounterPlugin::client()).reattach(config);
    let second = second.start().await?;
    let found = second.dispense::<CounterPlugin>(NAME).await?;
    count(&found, random).await?;
    let calls = [calls_that_wait(&counter, random), calls_that_wait(&found, random)];
    pause(random).await;
    match random.u8(..3) {
        0 => first.kill().await?,
        1 => second.kill().await?,
        _ => drop(first),
    }
    second.exited().await;
    for calls in calls {
        fail(calls, transport).await?;
    }
    Ok(())
}

async fn supervised(transport: Protocol, random: &mut Rng, dir: &Path) -> Result<()> {
    let (way, dir, program) = (Way::any(transport, random), dir.to_owned(), std::env::current_exe()?);
    let make = move || builder(way, &dir, &program);
    let millisecond = Duration::from_millis(1);
    let supervisor = Supervisor::builder(make.clone())
        .backoff(millisecond, 10 * millisecond)
        .max_restarts(100, Duration::from_secs(60))
        .drain_timeout(20 * millisecond)
        .start()
        .await?;
    let counter = supervisor.dispense::<CounterPlugin>(NAME).await?;
    let mut calls = Vec::new();
    for _ in 0..random.usize(1..4) {
        calls.push(calls_that_wait(&counter, random));
        pause(random).await;
        if random.bool() {
            let client = supervisor.client().await?;
            kill_hard(&client)?;
            client.exited().await;
        } else {
            supervisor.replace(make.clone()).await?;
        }
        count(&counter, random).await?;
    }
    if random.bool() {
        supervisor.stop().await?;
    }
    drop(supervisor);
    // Some began on one process, some on another, and some wait for one.
    for calls in calls {
        fail(calls, transport).await?;
    }
    Ok(())
}

fn kill_hard(client: &Client) -> Result<()> {
    let pid = i32::try_from(client.id()).ok().and_then(Pid::from_raw).context("an odd process id")?;
    Ok(kill_process(pid, Signal::KILL)?)
}

/// How host and plugin are connected.
#[derive(Clone, Copy)]
struct Way {
    transport: Protocol,
    /// Over gRPC alone.
    multiplex: bool,
    secure: bool,
}

impl Way {
    fn any(transport: Protocol, random: &mut Rng) -> Self {
        Self { transport, multiplex: transport == Protocol::Grpc && random.bool(), secure: random.bool() }
    }

    fn plain(transport: Protocol) -> Self {
        Self { transport, multiplex: false, secure: false }
    }
}

/// Starts this program as a plugin.
async fn start(way: Way, dir: &Path) -> Result<(Client, Arc<dyn Counter>)> {
    let client = builder(way, dir, &std::env::current_exe()?).start().await?;
    let counter = client.dispense::<CounterPlugin>(NAME).await?;
    Ok((client, counter))
}

fn builder(way: Way, dir: &Path, program: &Path) -> ClientBuilder {
    let mut command = Command::new(program);
    command.arg(SERVE).env(plugin::TRANSPORT, way.transport.to_string()).env("TMPDIR", dir);
    let builder = Client::builder(HANDSHAKE)
        .plugin(NAME, CounterPlugin::client())
        .allowed_protocols([way.transport])
        .multiplex_grpc(way.multiplex)
        .command(command);
    if way.secure { builder.auto_mtls(AutoMtls::Required) } else { builder }
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
