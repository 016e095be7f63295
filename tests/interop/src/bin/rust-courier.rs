//! The twin of `tests/interop/go/courierpeer -plugin`; with `--stdio` over its standard streams if its host wants that.

use go_plugin::{Result, serve};
use interop_tests::{
    courier::{CourierPlugin, Dispatcher},
    greeter::HANDSHAKE,
};

#[tokio::main]
async fn main() -> Result<()> {
    let over_stdio = std::env::args().any(|arg| arg == "--stdio");
    serve(HANDSHAKE).plugin("courier", CourierPlugin::new(Dispatcher)).connect_over_stdio(over_stdio).await
}
