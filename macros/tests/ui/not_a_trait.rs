#[go_plugin::interface]
pub struct Greeter;

#[go_plugin::interface]
impl Greeter {
    async fn greet(&self) -> go_plugin::Result<String> {
        Ok(String::new())
    }
}

fn main() {}
