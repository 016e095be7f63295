#[go_plugin::interface]
pub trait Greeter {
    #[rpc(name = "greet")]
    async fn greet(&self) -> go_plugin::Result<String>;
    #[rpc(name = "Plugin.Wave")]
    async fn wave(&self) -> go_plugin::Result<String>;
    async fn _1(&self) -> go_plugin::Result<String>;
    async fn bow(&self, #[rpc(name = "to")] to: String, times: i64) -> go_plugin::Result<String>;
}

fn main() {}
