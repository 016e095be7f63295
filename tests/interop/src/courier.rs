//! The interface of `tests/interop/go/courierpeer`: objects and bytes that travel beside calls.

use std::{io::Cursor, sync::Arc};

use go_plugin::{Result, netrpc::ByteStream};
use tokio::io::AsyncWriteExt;

use crate::pattern::{read_pattern_to_end, write_pattern};

/// What is called back.
#[go_plugin::interface]
pub trait Helper {
    /// Greets by name.
    async fn say(&self, name: &str) -> Result<String>;
}

/// Carries things.
#[go_plugin::interface]
pub trait Courier {
    /// Has `to` greet.
    async fn relay(&self, name: &str, to: Arc<dyn Helper>) -> Result<String>;
    /// Reads to the end.
    async fn count(&self, from: ByteStream) -> Result<i64>;
    /// Writes so many bytes.
    async fn fill(&self, bytes: i64, to: ByteStream) -> Result<()>;
    /// Gives so many bytes to read.
    async fn produce(&self, size: i64) -> Result<ByteStream>;
    /// Repeats its named arguments.
    #[rpc(args = map)]
    async fn describe(&self, name: &str, count: i64) -> Result<String>;
}

/// A courier of ours.
pub struct Dispatcher;

#[go_plugin::interface]
impl Courier for Dispatcher {
    async fn relay(&self, name: &str, to: Arc<dyn Helper>) -> Result<String> {
        to.say(name).await
    }

    async fn count(&self, from: ByteStream) -> Result<i64> {
        Ok(read_pattern_to_end(from.into_reader().await?, 0).await? as i64)
    }

    async fn fill(&self, bytes: i64, to: ByteStream) -> Result<()> {
        let mut writer = to.into_writer().await?;
        write_pattern(&mut writer, 0, bytes as usize, 64 << 10).await?;
        Ok(writer.shutdown().await?)
    }

    async fn produce(&self, size: i64) -> Result<ByteStream> {
        let mut bytes = Cursor::new(Vec::new());
        write_pattern(&mut bytes, 0, size as usize, size as usize).await?;
        Ok(ByteStream::from_reader(Cursor::new(bytes.into_inner())))
    }

    async fn describe(&self, name: &str, count: i64) -> Result<String> {
        Ok(format!("{name} {count}"))
    }
}
