//! Types alone: what a program needs that checks or generates code.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    schema::{self, ProviderSchema, Schema},
    types::Type,
};

/// The types of a provider.
#[derive(Debug, Serialize)]
pub struct Compact {
    provider: Block,
    resource_schemas: BTreeMap<String, Block>,
    data_source_schemas: BTreeMap<String, Block>,
}

#[derive(Debug, Serialize)]
struct Block {
    attributes: BTreeMap<String, Option<Type>>,
    blocks: BTreeMap<String, NestedBlock>,
}

#[derive(Debug, Serialize)]
struct NestedBlock {
    block: Block,
    min_items: i64,
    max_items: i64,
}

impl From<&ProviderSchema> for Compact {
    fn from(schema: &ProviderSchema) -> Self {
        let blocks = |schemas: &BTreeMap<String, Schema>| {
            schemas.iter().map(|(name, schema)| (name.clone(), schema.into())).collect()
        };
        Self {
            provider: (&schema.provider).into(),
            resource_schemas: blocks(&schema.resource_schemas),
            data_source_schemas: blocks(&schema.data_source_schemas),
        }
    }
}

impl From<&Schema> for Block {
    fn from(schema: &Schema) -> Self {
        schema.block.as_ref().map_or_else(|| (&schema::Block::default()).into(), Self::from)
    }
}

impl From<&schema::Block> for Block {
    fn from(block: &schema::Block) -> Self {
        let attributes =
            block.attributes.iter().map(|(name, attribute)| (name.clone(), attribute.value_type()));
        let blocks = block.block_types.iter().map(|(name, nested)| {
            let (min_items, max_items) = (nested.min_items, nested.max_items);
            (name.clone(), NestedBlock { block: (&nested.block).into(), min_items, max_items })
        });
        Self { attributes: attributes.collect(), blocks: blocks.collect() }
    }
}
