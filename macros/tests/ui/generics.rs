#[go_plugin::interface]
pub trait Store<K> {
    async fn get(&self, key: K) -> go_plugin::Result<String>;
}

#[go_plugin::interface]
pub trait Greeter {
    async fn greet<T: Send>(&self, who: T) -> go_plugin::Result<String>;
    async fn shout(&self, who: impl ToString) -> go_plugin::Result<String>;
    async fn whisper(&self) -> go_plugin::Result<String>
    where
        Self: Sized;
}

fn main() {}
