#[go_plugin::interface]
pub trait Greeter {
    async fn greet(&self);
}

fn main() {}
