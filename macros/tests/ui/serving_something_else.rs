#[go_plugin::interface]
pub trait Greeter {
    async fn greet(&self) -> go_plugin::Result<String>;
}

struct Other;

fn main() {
    GreeterPlugin::new(Other);
}
