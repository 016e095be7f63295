//! What plugins cost that do nothing, one and many.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{sync::Semaphore, task::JoinSet};

use crate::{
    data,
    measure::{Figures, Latencies, memory},
    options::Options,
    plugin::Host,
    rpc::Echo,
};

const MANY: usize = 500;

/// Plugins that are started at once.
const STARTING: usize = 8;

/// Fan-outs even if the time is over.
const AT_LEAST: usize = 10;

/// How long a plugin has done nothing when it is looked at.
const IDLE: Duration = Duration::from_millis(200);

/// One plugin that has answered once.
pub async fn idle_plugin<H: Host>(options: Options) -> Result<Figures> {
    let host = H::start(options.other_end("plugin")).await?;
    host.caller().echo(data::bytes(64)).await?;
    tokio::time::sleep(IDLE).await;
    let figures =
        vec![("resident", memory(host.id(), "Rss")?), ("anonymous", memory(host.id(), "Anonymous")?)];
    host.kill().await?;
    Ok(figures)
}

/// One host of many plugins: what all the processes take together, and how long after the start of a call to every plugin
/// the answers come.
pub async fn many_plugins<H: Host>(options: Options) -> Result<Figures> {
    raise_file_limit()?;
    let (starting, mut hosts) = (Arc::new(Semaphore::new(STARTING)), JoinSet::new());
    for _ in 0..MANY {
        let (starting, command) = (Arc::clone(&starting), options.other_end("plugin"));
        hosts.spawn(async move {
            let _permit = starting.acquire().await?;
            H::start(command).await
        });
    }
    let mut plugins = Vec::new();
    while let Some(host) = hosts.join_next().await {
        plugins.push(host??);
    }
    let (mut latencies, mut rounds) = (Latencies::default(), 0);
    let begin = Instant::now();
    while begin.elapsed() < options.time || rounds < AT_LEAST {
        rounds += 1;
        let (start, mut calls) = (Instant::now(), JoinSet::new());
        for plugin in &plugins {
            let caller = plugin.caller().clone();
            calls.spawn(async move { caller.echo(data::bytes(64)).await });
        }
        while let Some(answer) = calls.join_next().await {
            ensure!(answer??.len() == 64, "the echo is wrong");
            latencies.push(start);
        }
    }
    tokio::time::sleep(IDLE).await;
    let mut shares = memory(std::process::id(), "Pss")?;
    for plugin in &plugins {
        shares += memory(plugin.id(), "Pss")?;
    }
    let mut ending = JoinSet::new();
    plugins.into_iter().for_each(|plugin| drop(ending.spawn(plugin.kill())));
    while let Some(ended) = ending.join_next().await {
        ended??;
    }
    let mut figures = latencies.figures();
    figures.push(("share", shares));
    Ok(figures)
}

/// Each plugin takes a few descriptors. Go raises the limit by itself.
fn raise_file_limit() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?)
}
