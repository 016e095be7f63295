#[derive(serde::Serialize, serde::Deserialize)]
pub struct Person {
    pub name: String,
}

#[go_plugin::interface]
pub trait Greeter {
    async fn greet(&self, who: Person) -> go_plugin::Result<String>;
}

fn main() {}
