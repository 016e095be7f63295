#[go_plugin::interface]
pub trait Helper {
    async fn help(&self) -> go_plugin::Result<()>;
}

#[go_plugin::interface]
pub trait Greeter {
    async fn greet(&self, helper: &dyn Helper) -> go_plugin::Result<String>;
    async fn wave(&self, helper: Box<dyn Helper>) -> go_plugin::Result<String>;
}

fn main() {}
