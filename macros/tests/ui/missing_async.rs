#[go_plugin::interface]
pub trait Greeter {
    fn greet(&self) -> go_plugin::Result<String>;
}

fn main() {}
