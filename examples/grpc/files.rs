//! The store that both plugins serve.

use crate::shared::Kv;
use go_plugin::{Error, Result};
use std::path::PathBuf;

/// A store that keeps each key in a file of the working directory and says in each value who wrote it, as go-plugin's does.
#[derive(Debug)]
pub struct Files {
    /// The name that the plugin signs with.
    pub written_by: &'static str,
}

#[go_plugin::interface]
impl Kv for Files {
    async fn put(&self, key: &str, value: &[u8]) -> Result<()> {
        let mut value = value.to_vec();
        value.extend_from_slice(format!("\n\nWritten from {}", self.written_by).as_bytes());
        Ok(tokio::fs::write(file(key)?, value).await?)
    }

    async fn get(&self, key: &str) -> Result<Vec<u8>> {
        Ok(tokio::fs::read(file(key)?).await?)
    }
}

fn file(key: &str) -> Result<PathBuf> {
    if key.contains(['/', '\\']) {
        return Err(Error::msg(format!("{key:?} cannot be a key: it would name a file elsewhere")));
    }
    Ok(PathBuf::from(format!("kv_{key}")))
}
