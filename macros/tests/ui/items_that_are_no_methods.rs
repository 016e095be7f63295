#[go_plugin::interface]
pub trait Greeter: std::fmt::Debug {
    const GREETING: &str;
    type Name;
    async fn greet(&self) -> go_plugin::Result<String>;
    #[cfg(unix)]
    async fn uid(&self) -> go_plugin::Result<u32>;
}

fn main() {}
