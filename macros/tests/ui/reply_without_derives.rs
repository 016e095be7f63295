pub struct Person {
    pub name: String,
}

#[go_plugin::interface]
pub trait Greeter {
    async fn find(&self) -> go_plugin::Result<Vec<Person>>;
}

fn main() {}
