#[go_plugin::interface]
pub trait Greeter {
    async fn greet(&self) -> go_plugin::Result<String>;
}

async fn dispense(client: go_plugin::Client) -> go_plugin::Result<()> {
    client.dispense::<dyn Greeter>("greeter").await?;
    Ok(())
}

fn main() {}
