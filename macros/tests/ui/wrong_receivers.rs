#[go_plugin::interface]
pub trait Greeter {
    async fn mutable(&mut self) -> go_plugin::Result<String>;
    async fn consuming(self) -> go_plugin::Result<String>;
    async fn boxed(self: Box<Self>) -> go_plugin::Result<String>;
    async fn associated() -> go_plugin::Result<String>;
}

fn main() {}
