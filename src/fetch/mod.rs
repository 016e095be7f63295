//! Plugins that are described in a manifest and fetched when they are needed.
//!
//! A [`Manifest`] names plugins, the [semantic versions](semver) there are of each, and which of them its host can do with. A
//! [`Fetcher`] gets one: it downloads the archive, or opens a local one, checks it, unpacks it into a cache, and says what to start.
//!
//! ```no_run
//! # #[cfg(feature = "netrpc")] mod example {
//! # use go_plugin::{Client, Handshake, Result, fetch::{Fetcher, Manifest}};
//! # const HANDSHAKE: Handshake = Handshake::new(1, "BASIC_PLUGIN", "hello");
//! # #[go_plugin::interface] trait Greeter { async fn greet(&self) -> Result<String>; }
//! # async fn example() -> Result<()> {
//! let manifest = Manifest::load("plugins.json")?;
//! let greeter = Fetcher::new("/var/cache/greetings").install(&manifest, "greeter").await?;
//! println!("greeter {} in {}", greeter.version(), greeter.program().display());
//! let client = Client::builder(HANDSHAKE)
//!     .plugin("greeter", GreeterPlugin::client())
//!     .command(greeter.command())
//!     .checksum(greeter.checksum().clone())
//!     .start()
//!     .await?;
//! # Ok(())
//! # }
//! # }
//! ```
//!
//! The versions in a manifest are what its author says. A plugin that states its version itself
//! ([`Server::plugin_version`](crate::Server::plugin_version)) can be held to it, or to the constraint:
//! `.require_version(manifest.plugins["greeter"].constraint.clone())`.
//!
//! Nothing of a plugin runs that was not verified: an archive must have the checksum that the manifest says, and the signature that the host
//! asks for ([`Fetcher::public_key`]); a program that lies in a folder must have its own checksum.

mod archive;
mod download;
mod fetcher;
mod manifest;

pub use download::Progress;
pub use fetcher::{Fetcher, Installed};
pub use manifest::{Manifest, PluginReleases, Release, Source};
pub use semver::{Version, VersionReq};
