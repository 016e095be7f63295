//! The Rust side of `cargo xtask compare` where gRPC takes part; see `../main.rs`.

use anyhow::{Result, bail};
use benches::{
    grpc::{self, AsOurs, AutoMtls, Defaults, Grpc, Multiplexed, NoTls, Plain},
    launch,
    measure::Figures,
    memory,
    options::{By, Options},
    plugin::{self, Host},
};

fn main() -> Result<()> {
    let options = Options::parse(std::env::args_os().skip(1))?;
    let runtime = options.clone();
    match (options.work.as_str(), options.by) {
        // The other ends.
        ("plugin", By::Ours) => runtime.block_on(grpc::serve()),
        ("plugin", By::Tonic) => runtime.block_on(grpc::serve_plain::<AsOurs>(options)),
        ("plugin", By::TonicDefault) => runtime.block_on(grpc::serve_plain::<Defaults>(options)),
        ("kv-plugin", By::Ours) => runtime.block_on(grpc::serve_kv(options)),
        _ => {
            let figures: serde_json::Map<_, _> = runtime
                .block_on(measure(options))?
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.into()))
                .collect();
            println!("{}", serde_json::Value::Object(figures));
            Ok(())
        }
    }
}

async fn measure(options: Options) -> Result<Figures> {
    match (options.work.as_str(), options.by) {
        ("launch/first-call/grpc/automtls", By::Ours) => launch::first_call::<Grpc<AutoMtls>>(options).await,
        ("grpc/broker-dial", By::Ours) => grpc::dial::<NoTls>(options).await,
        ("grpc/broker-dial/multiplexed", By::Ours) => grpc::dial::<Multiplexed>(options).await,
        ("kv/netrpc" | "kv/grpc", By::Ours) => grpc::kv_over(options).await,
        (_, By::Ours) => with_host::<Grpc<NoTls>>(options).await,
        (_, By::Tonic) => with_host::<Plain<AsOurs>>(options).await,
        (_, By::TonicDefault) => with_host::<Plain<Defaults>>(options).await,
        (work, by) => bail!("{by:?} does not do {work}"),
    }
}

async fn with_host<H: Host>(options: Options) -> Result<Figures> {
    match options.work.as_str() {
        "grpc/call64" => plugin::calls::<H>(options, 64).await,
        "grpc/echo1m" => plugin::calls::<H>(options, 1 << 20).await,
        "grpc/calls64x64" => plugin::calls_at_once::<H>(options).await,
        "launch/first-call/grpc" => launch::first_call::<H>(options).await,
        "memory/idle-plugin/grpc" => memory::idle_plugin::<H>(options).await,
        work => bail!("there is no work {work}"),
    }
}
