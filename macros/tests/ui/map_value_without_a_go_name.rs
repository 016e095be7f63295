#[derive(serde::Serialize, serde::Deserialize, go_plugin::GobType)]
#[serde(rename_all = "PascalCase")]
pub struct Person {
    pub name: String,
}

#[go_plugin::interface]
pub trait Greeter {
    #[rpc(args = map)]
    async fn greet(&self, who: Person, times: i64) -> go_plugin::Result<String>;
}

fn main() {}
