#[go_plugin::interface]
pub trait Greeter {
    async fn greet(&self, names: Vec<&str>) -> go_plugin::Result<String>;
    async fn change(&self, name: &mut String) -> go_plugin::Result<()>;
}

fn main() {}
