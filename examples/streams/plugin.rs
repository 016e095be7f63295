//! A plugin that keeps files in its working directory and answers HTTP-like requests for them.

mod http;
mod shared;

use go_plugin::{Error, Result, netrpc::ByteStream};
use shared::{Files, FilesPlugin, HANDSHAKE, NAME, Progress, Request, Response};
use std::{path::PathBuf, sync::Arc};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncWriteExt},
};

/// How much is stored between two reports, at most.
const BLOCK: usize = 64 * 1024;

struct Folder;

#[go_plugin::interface]
impl Files for Folder {
    async fn store(&self, name: &str, content: ByteStream, progress: Arc<dyn Progress>) -> Result<i64> {
        let (mut from, mut to) = (content.into_reader().await?, File::create(file(name)?).await?);
        let (mut block, mut stored) = (vec![0; BLOCK], 0);
        loop {
            let n = from.read(&mut block).await?;
            if n == 0 {
                break;
            }
            to.write_all(&block[..n]).await?;
            stored += n as i64;
            progress.stored(stored).await?;
        }
        to.flush().await?;
        Ok(stored)
    }

    async fn fetch(&self, name: &str) -> Result<ByteStream> {
        Ok(ByteStream::from_reader(File::open(file(name)?).await?))
    }

    async fn handle(&self, request: Request) -> Result<Response> {
        http::handle(request).await
    }
}

fn file(name: &str) -> Result<PathBuf> {
    if name.is_empty() || name.contains(['/', '\\']) {
        return Err(Error::msg(format!("{name:?} cannot be a name: it would be a file elsewhere")));
    }
    Ok(PathBuf::from(format!("stream_{name}")))
}

#[tokio::main]
async fn main() -> Result<()> {
    go_plugin::serve(HANDSHAKE).plugin(NAME, FilesPlugin::new(Folder)).await
}
