#[go_plugin::interface]
pub trait Greeter {
    async fn greet(&self, (first, last): (String, String)) -> go_plugin::Result<String>;
    #[rpc(args = value)]
    async fn wave(&self, to: String, times: i64) -> go_plugin::Result<String>;
}

fn main() {}
