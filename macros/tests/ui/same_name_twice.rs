#[go_plugin::interface]
pub trait Greeter {
    async fn get_it(&self) -> go_plugin::Result<String>;
    #[rpc(name = "GetIt")]
    async fn fetch_it(&self) -> go_plugin::Result<String>;
    async fn put(&self, key: &str, #[rpc(name = "Key")] value: &str) -> go_plugin::Result<()>;
}

fn main() {}
