#[go_plugin::interface]
pub trait Greeter {
    async fn greet(&self) -> go_plugin::Result<String>;
}

struct Hello;

impl Greeter for Hello {
    async fn greet(&self) -> go_plugin::Result<String> {
        Ok("Hello!".into())
    }
}

fn main() {}
