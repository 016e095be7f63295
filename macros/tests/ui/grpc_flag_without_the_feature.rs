#[go_plugin::interface(grpc)]
pub trait Greeter {
    async fn greet(&self) -> go_plugin::Result<String>;
}

fn main() {}
