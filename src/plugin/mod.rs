//! The plugin's side.

pub(crate) mod stdio;
