//! A plugin for hosts on httprunner/funplugin.

use go_plugin::{Result, serve};
use interop_tests::functions::{FunctionsPlugin, HANDSHAKE, Library, NAME};

#[tokio::main]
async fn main() -> Result<()> {
    serve(HANDSHAKE).plugin(NAME, FunctionsPlugin::new(Library)).await
}
