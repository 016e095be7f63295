use std::{cell::Cell, rc::Rc};

#[go_plugin::interface]
pub trait Greeter {
    async fn greet(&self, times: i64) -> go_plugin::Result<String>;
    async fn bye(&self) -> go_plugin::Result<String>;
}

struct MissingMethod;

#[go_plugin::interface]
impl Greeter for MissingMethod {
    async fn greet(&self, _times: i64) -> go_plugin::Result<String> {
        Ok(String::new())
    }
}

struct WrongSignature;

#[go_plugin::interface]
impl Greeter for WrongSignature {
    async fn greet(&self, times: i32) -> go_plugin::Result<String> {
        Ok(times.to_string())
    }
    async fn bye(&self) -> go_plugin::Result<String> {
        Ok(String::new())
    }
}

struct NotSync(Cell<u8>);

#[go_plugin::interface]
impl Greeter for NotSync {
    async fn greet(&self, _times: i64) -> go_plugin::Result<String> {
        Ok(self.0.get().to_string())
    }
    async fn bye(&self) -> go_plugin::Result<String> {
        Ok(String::new())
    }
}

struct NotSend;

#[go_plugin::interface]
impl Greeter for NotSend {
    async fn greet(&self, _times: i64) -> go_plugin::Result<String> {
        let text = Rc::new(String::new());
        self.bye().await?;
        Ok(text.to_string())
    }
    async fn bye(&self) -> go_plugin::Result<String> {
        Ok(String::new())
    }
}

fn main() {}
