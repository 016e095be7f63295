#[derive(serde::Serialize, serde::Deserialize, go_plugin::GobType)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    pub name: String,
}

#[go_plugin::interface(no_args = Request)]
pub trait Greeter {
    async fn greet(&self) -> go_plugin::Result<String>;
}

fn main() {}
