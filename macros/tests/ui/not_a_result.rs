#[go_plugin::interface]
pub trait Greeter {
    async fn greet(&self) -> String;
}

fn main() {}
