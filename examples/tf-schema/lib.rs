//! The parts of the example `tf-schema`: asking a provider of any age for its schema, finding providers in registries, and
//! showing schemas in three ways.

pub mod compact;
#[allow(dead_code, unused_imports, reason = "the whole interface, of which this program needs a part")]
#[path = "../terraform-legacy/provider/mod.rs"]
mod legacy;
pub mod provider;
pub mod registry;
pub mod schema;
pub mod tree;
pub mod types;
