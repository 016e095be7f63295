#[go_plugin::interface]
pub trait Greeter {
    async fn greet(&self) -> go_plugin::Result<&str>;
    async fn name(&self) -> go_plugin::Result<std::borrow::Cow<'_, str>>;
}

fn main() {}
