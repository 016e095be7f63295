//! The Rust side of `cargo xtask compare`: does one piece of work and prints what it measured, as JSON.

use anyhow::{Result, bail};
use benches::{
    gob, launch,
    measure::{self, Figures},
    memory,
    options::{By, Options},
    plugin::{self, Goplugin, Ours},
    rpc, yamux,
};

fn main() -> Result<()> {
    let options = Options::parse(std::env::args_os().skip(1))?;
    let runtime = options.clone();
    match options.work.as_str() {
        // The other ends.
        "plugin" => runtime.block_on(plugin::serve(options.by)),
        "bare" => launch::bare(),
        "yamux-sink" => runtime.block_on(yamux::sink(options)),
        "yamux-echo" => runtime.block_on(yamux::echo(options)),
        "rpc-echo" => runtime.block_on(rpc::serve(options)),
        _ => {
            let figures: serde_json::Map<_, _> =
                measure(options)?.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
            println!("{}", serde_json::Value::Object(figures));
            Ok(())
        }
    }
}

fn measure(options: Options) -> Result<Figures> {
    let runtime = options.clone();
    match (options.work.as_str(), options.by) {
        (gob, by) if gob.starts_with("gob/") => Ok(measure::repeat(options.time, gob::operation(gob, by)?)),
        ("yamux/throughput/1", _) => runtime.block_on(yamux::throughput(options, 1)),
        ("yamux/throughput/8", _) => runtime.block_on(yamux::throughput(options, 8)),
        ("yamux/pingpong", _) => runtime.block_on(yamux::pingpong(options)),
        ("netrpc/call64/socket", _) => runtime.block_on(rpc::over_socket(options)),
        ("in-process/call64", _) => runtime.block_on(plugin::in_process(options)),
        ("launch/first-call", By::Raw) => launch::first_bare(options),
        (_, By::Ours) => runtime.block_on(with_plugin::<Ours>(options)),
        (_, By::Goplugin) => runtime.block_on(with_plugin::<Goplugin>(options)),
        (work, by) => bail!("{by:?} does not do {work}"),
    }
}

async fn with_plugin<H: plugin::Host>(options: Options) -> Result<Figures> {
    match options.work.as_str() {
        "netrpc/call64" => plugin::calls::<H>(options, 64).await,
        "netrpc/echo1m" => plugin::calls::<H>(options, 1 << 20).await,
        "netrpc/calls64x64" => plugin::calls_at_once::<H>(options).await,
        "launch/first-call" => launch::first_call::<H>(options).await,
        "memory/idle-plugin" => memory::idle_plugin::<H>(options).await,
        "memory/500-plugins" => memory::many_plugins::<H>(options).await,
        work => bail!("there is no work {work}"),
    }
}
