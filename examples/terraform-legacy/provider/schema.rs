//! What may be configured.

use std::collections::BTreeMap;

use go_plugin::GobType;
use serde::{Deserialize, Serialize};

use super::CtyType;

/// Which schemas are asked for, besides that of the provider's own configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
pub struct ProviderSchemaRequest {
    /// Types of resources.
    pub resource_types: Vec<String>,
    /// Types of data sources.
    pub data_sources: Vec<String>,
}

/// The schemas of a provider.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
pub struct ProviderSchema {
    /// Its own configuration.
    pub provider: Option<Block>,
    /// The resources that were asked for.
    pub resource_types: BTreeMap<String, Block>,
    /// The data sources that were asked for.
    pub data_sources: BTreeMap<String, Block>,
}

/// A block of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
pub struct Block {
    /// What stands directly in it.
    pub attributes: BTreeMap<String, Attribute>,
    /// The blocks in it.
    pub block_types: BTreeMap<String, NestedBlock>,
}

/// An attribute in a block.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
pub struct Attribute {
    /// The type of its value.
    #[serde(rename = "Type")]
    pub ty: CtyType,
    /// Whether it must be there.
    pub required: bool,
    /// Whether it need not.
    pub optional: bool,
    /// Whether the provider sets it.
    pub computed: bool,
    /// Whether it must not be shown.
    pub sensitive: bool,
}

/// A block in a block.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
pub struct NestedBlock {
    /// What stands in it.
    pub block: Block,
    /// What several of them make: 1 is one alone, 2 a list, 3 a set, 4 a map. Providers on the plugin SDK 1.x have 2
    /// for a group and count on from there; nothing on the wire tells them apart.
    pub nesting: i64,
    /// The least number, for lists and sets.
    pub min_items: i64,
    /// The greatest number, for lists and sets. 0 is no limit.
    pub max_items: i64,
}
