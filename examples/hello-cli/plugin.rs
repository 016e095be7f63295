//! A greeter for `hello-cli`.

mod shared;

use std::sync::Arc;

use async_trait::async_trait;
use go_plugin::Result;
use shared::{Greeter, GreeterPlugin, HANDSHAKE, NAME};

struct Hello;

#[async_trait]
impl Greeter for Hello {
    async fn say(&self, name: &str) -> Result<String> {
        Ok(format!("hello {name}"))
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    go_plugin::serve(HANDSHAKE).plugin(NAME, GreeterPlugin(Some(Arc::new(Hello)))).await
}
