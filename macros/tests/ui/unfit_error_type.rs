#[derive(Debug)]
pub struct MyError;

#[go_plugin::interface]
pub trait Greeter {
    async fn greet(&self) -> Result<String, MyError>;
}

fn main() {}
