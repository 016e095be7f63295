#[go_plugin::interface(grcp)]
pub trait First {
    async fn greet(&self) -> go_plugin::Result<String>;
}

#[go_plugin::interface]
pub trait Second {
    #[rpc(nam = "Greet")]
    async fn greet(&self) -> go_plugin::Result<String>;
    #[rpc(args = list)]
    async fn wave(&self, to: String) -> go_plugin::Result<String>;
    async fn bow(&self, #[rpc(nam = "To")] to: String) -> go_plugin::Result<String>;
}

fn main() {}
