//! Files and requests whose bytes flow beside the calls: what host and plugin share.

use go_plugin::{GobType, Handshake, Result, netrpc::ByteStream};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

/// Tells a files plugin from other programs.
pub const HANDSHAKE: Handshake = Handshake::new(1, "BASIC_PLUGIN", "hello");

/// The name under which the plugin is served and dispensed.
pub const NAME: &str = "files";

/// What the plugin tells its host while it works.
#[go_plugin::interface]
pub trait Progress {
    /// So many bytes have been stored. An error ends the work.
    async fn stored(&self, bytes: i64) -> Result<()>;
}

/// What the host asks its plugin for.
#[go_plugin::interface]
pub trait Files {
    /// Stores what `content` gives, and returns how many bytes that was.
    async fn store(&self, name: &str, content: ByteStream, progress: Arc<dyn Progress>) -> Result<i64>;

    /// What was stored.
    async fn fetch(&self, name: &str) -> Result<ByteStream>;

    /// Answers an HTTP request. The answer may begin before the request has ended.
    async fn handle(&self, request: Request) -> Result<Response>;
}

/// Fields of a header: Go's `http.Header`.
pub type Header = BTreeMap<String, Vec<String>>;

/// A request. Go keeps a broker id where the body is: 0 if there is none.
#[derive(Debug, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// `GET`, `PUT`, …
    pub method: String,
    /// With the leading slash.
    pub path: String,
    /// By name.
    pub header: Header,
    /// What is sent with it.
    pub body: Option<ByteStream>,
}

/// What comes back.
#[derive(Debug, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    /// 200, 404, …
    pub status: i64,
    /// By name.
    pub header: Header,
    /// May be empty, but is always there.
    pub body: ByteStream,
}
