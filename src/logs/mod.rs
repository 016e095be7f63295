//! Logs of plugins: what a plugin writes on stderr becomes `tracing` events of the host, and the other way round.
//!
//! A Go plugin logs with hclog: one JSON object per line on stderr. [`PluginLog`] takes those bytes and emits each
//! line as an event with the target `plugin.NAME`, its level, its message and its keys as fields; lines that are not
//! JSON keep their text, and the usual prefixes (`[WARN] …`, `panic: …`) give the level.
//!
//! Two more pieces make both ends look as Go users know them: [`HclogText`] prints events of the host in hclog's text
//! form, and [`HclogJson`] is the layer with which a plugin sends its own events to whichever host runs it.
//!
//! ```
//! use tracing_subscriber::prelude::*;
//!
//! // A host:
//! let text = tracing_subscriber::fmt::layer().event_format(go_plugin::logs::HclogText::new()).with_writer(std::io::stderr);
//! // A plugin:
//! let json = go_plugin::logs::HclogJson::stderr()?;
//! # let subscriber = tracing_subscriber::registry().with(text).with(json);
//! # drop(subscriber);
//! # std::io::Result::Ok(())
//! ```

mod callsite;
mod emit;
mod entry;
mod json;
mod lines;
mod text;
mod time;

pub use emit::PluginLog;
pub use entry::{Entry, EntryParser};
pub use json::HclogJson;
pub use lines::{DEFAULT_LINE_BUFFER, Line, LineSplitter};
pub use text::HclogText;
