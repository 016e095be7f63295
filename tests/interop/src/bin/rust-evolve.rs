//! The twin of `tests/interop/go/evolvepeer -plugin`.

use std::env;

use go_plugin::{Handshake, Result, serve};
use interop_tests::evolution::{ANNOUNCER, GREETER, new, old};

#[tokio::main]
async fn main() -> Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    let version = if args.iter().any(|arg| arg == "-version=2") { 2 } else { 1 };
    let server = serve(Handshake::new(version, "BASIC_PLUGIN", "hello"));
    if args.iter().any(|arg| arg == "-new") {
        let announcer = new::AnnouncerPlugin::new(new::Hello);
        server.plugin(GREETER, new::GreeterPlugin::new(new::Hello)).plugin(ANNOUNCER, announcer).await
    } else {
        server.plugin(GREETER, old::GreeterPlugin::new(old::Hello)).await
    }
}
