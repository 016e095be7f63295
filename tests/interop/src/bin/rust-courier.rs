//! The twin of `tests/interop/go/courierpeer -plugin`.

use go_plugin::{Result, serve};
use interop_tests::{
    courier::{CourierPlugin, Dispatcher},
    greeter::HANDSHAKE,
};

#[tokio::main]
async fn main() -> Result<()> {
    serve(HANDSHAKE).plugin("courier", CourierPlugin::new(Dispatcher)).await
}
