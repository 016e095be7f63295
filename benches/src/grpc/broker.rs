//! Further connections between a host and its plugin.

use std::time::Instant;

use anyhow::Result;

use super::{
    bench::echoing_client::EchoingClient,
    plugin::{Connections, Grpc},
};
use crate::{
    data,
    measure::{Figures, Latencies},
    options::Options,
    plugin::Host as _,
    rpc::{self, Echo},
};

/// Dials what the plugin serves and makes one call on the new connection, again and again.
pub async fn dial<C: Connections>(options: Options) -> Result<Figures> {
    let host = Grpc::<C>::start(options.other_end("plugin")).await?;
    rpc::warm_up(host.caller()).await?;
    let (begin, mut latencies) = (Instant::now(), Latencies::default());
    while begin.elapsed() < options.time {
        let id = host.caller().clone().serve(()).await?.into_inner().id;
        let start = Instant::now();
        let channel = host.object.broker.dial(id).await?;
        Echo::echo(&EchoingClient::new(channel), data::bytes(64)).await?;
        latencies.push(start);
    }
    host.kill().await?;
    Ok(latencies.figures())
}
