use std::sync::Arc;

pub trait Helper: Send + Sync {}

#[go_plugin::interface]
pub trait Greeter {
    async fn greet(&self, helper: Arc<dyn Helper>) -> go_plugin::Result<String>;
}

fn main() {}
