//! A plugin that keeps a file for `streaming-host`, without ever having the whole of it in memory.

mod shared;

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use go_plugin::{Error, Result};
use shared::{Chunks, HANDSHAKE, NAME, Streamer, StreamerPlugin, chunks};
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{fs::File, io::AsyncWriteExt as _};

/// The largest chunk that is read at once, whatever the host allows: it is held in memory.
const MAX_CHUNK: usize = 1 << 20;

#[derive(Default)]
struct OneFile(Mutex<Option<Settings>>);

#[derive(Clone)]
struct Settings {
    path: PathBuf,
    chunk_size: usize,
}

impl OneFile {
    fn settings(&self) -> Result<Settings> {
        let settings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        settings.clone().ok_or_else(|| Error::msg("not configured: no file has been named"))
    }
}

#[async_trait]
impl Streamer for OneFile {
    async fn configure(&self, path: &str, chunk_size: i64) -> Result<()> {
        let chunk_size = usize::try_from(chunk_size).ok().filter(|size| *size > 0);
        let chunk_size = chunk_size.ok_or_else(|| Error::msg("a chunk must have at least one byte"))?;
        let settings = Settings { path: path.into(), chunk_size: chunk_size.min(MAX_CHUNK) };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(settings);
        Ok(())
    }

    async fn write(&self, mut chunks: Chunks) -> Result<()> {
        let mut file = File::create(self.settings()?.path).await?;
        while let Some(chunk) = chunks.try_next().await? {
            file.write_all(&chunk).await?;
        }
        // Files of tokio write in the background: only this says whether it worked.
        Ok(file.flush().await?)
    }

    async fn read(&self) -> Result<Chunks> {
        let Settings { path, chunk_size } = self.settings()?;
        Ok(chunks(File::open(path).await?, chunk_size))
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let file: Arc<dyn Streamer> = Arc::new(OneFile::default());
    go_plugin::serve(HANDSHAKE).plugin(NAME, StreamerPlugin(Some(file))).await
}
