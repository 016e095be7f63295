//! Version 4, over net/rpc: the interface of `terraform-legacy`, asked for the schema alone.

use std::sync::Arc;

use async_trait::async_trait;
use go_plugin::{
    Error, MuxBroker, NetRpcPlugin, Plugin, Result,
    netrpc::{RpcClient, Service},
};

use super::Provider;
use crate::{
    legacy::{self, ProviderSchemaRequest, ResourceProvider, ResourceProviderPlugin},
    schema::{Attribute, Block, NestedBlock, Nesting, ProviderSchema, Schema},
};

pub struct V4;

impl Plugin for V4 {
    type Interface = dyn Provider;

    fn netrpc(&self) -> Option<&dyn NetRpcPlugin<dyn Provider>> {
        Some(self)
    }
}

impl NetRpcPlugin<dyn Provider> for V4 {
    fn server(&self, _: MuxBroker) -> Result<Box<dyn Service>> {
        Err(Error::msg("this program is a host"))
    }

    fn client(&self, rpc: RpcClient) -> Result<Arc<dyn Provider>> {
        let plugin = ResourceProviderPlugin::client();
        let netrpc = plugin.netrpc().ok_or_else(|| Error::msg("the interface has no net/rpc half"))?;
        Ok(Arc::new(Adapter(netrpc.client(rpc)?)))
    }
}

struct Adapter(Arc<dyn ResourceProvider>);

#[async_trait]
impl Provider for Adapter {
    async fn schema(&self) -> Result<ProviderSchema> {
        let request = ProviderSchemaRequest {
            resource_types: self.0.resources().await?.into_iter().map(|resource| resource.name).collect(),
            data_sources: self.0.data_sources().await?.into_iter().map(|source| source.name).collect(),
        };
        let schema = self.0.get_schema(&request).await?.into_result()?.unwrap_or_default();
        let age = Age::of(&schema);
        let all = |blocks: std::collections::BTreeMap<String, legacy::Block>| {
            blocks.into_iter().map(|(name, block)| Ok((name, age.schema(block)?))).collect::<Result<_>>()
        };
        Ok(ProviderSchema {
            provider: age.schema(schema.provider.unwrap_or_default())?,
            resource_schemas: all(schema.resource_types)?,
            data_source_schemas: all(schema.data_sources)?,
            ..ProviderSchema::default()
        })
    }
}

/// Before Terraform 0.12 there were no groups, and what came after them was one less. Nothing on the wire says which
/// numbers a provider has. But the same release gave every resource and data source its attribute `id`.
#[derive(Clone, Copy, PartialEq)]
enum Age {
    Before012,
    Since012,
}

impl Age {
    fn of(schema: &legacy::ProviderSchema) -> Self {
        let mut blocks = schema.resource_types.values().chain(schema.data_sources.values());
        if blocks.all(|block| block.attributes.contains_key("id")) { Self::Since012 } else { Self::Before012 }
    }

    fn nesting(self, number: i64) -> Result<Nesting> {
        Ok(match (self, number) {
            (_, 1) => Nesting::Single,
            (Self::Since012, 2) => Nesting::Group,
            (Self::Before012, 2) | (Self::Since012, 3) => Nesting::List,
            (Self::Before012, 3) | (Self::Since012, 4) => Nesting::Set,
            (Self::Before012, 4) | (Self::Since012, 5) => Nesting::Map,
            _ => return Err(Error::msg(format!("{number} is no nesting of blocks"))),
        })
    }

    fn schema(self, block: legacy::Block) -> Result<Schema> {
        Ok(Schema { version: 0, block: Some(self.block(block)?) })
    }

    fn block(self, block: legacy::Block) -> Result<Block> {
        let attributes = block.attributes.into_iter().map(|(name, attribute)| (name, attribute.into()));
        let blocks = block.block_types.into_iter().map(|(name, nested)| {
            let legacy::NestedBlock { block, nesting, min_items, max_items } = nested;
            let (nesting_mode, block) = (self.nesting(nesting)?, self.block(block)?);
            Ok((name, NestedBlock { nesting_mode, block, min_items, max_items }))
        });
        Ok(Block {
            attributes: attributes.collect(),
            block_types: blocks.collect::<Result<_>>()?,
            ..Block::default()
        })
    }
}

impl From<legacy::Attribute> for Attribute {
    fn from(attribute: legacy::Attribute) -> Self {
        let legacy::Attribute { ty, required, optional, computed, sensitive } = attribute;
        Self { ty: ty.into(), required, optional, computed, sensitive, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// A provider with one resource of these attributes.
    fn provider(attributes: &[&str]) -> legacy::ProviderSchema {
        let attributes = attributes.iter().map(|name| ((*name).to_owned(), legacy::Attribute::default()));
        let block = legacy::Block { attributes: attributes.collect(), block_types: BTreeMap::new() };
        legacy::ProviderSchema { resource_types: [("r".to_owned(), block)].into(), ..Default::default() }
    }

    #[test]
    fn the_attribute_id_tells_the_numbers_of_nestings_apart() {
        use Nesting::{Group, List, Map, Set, Single};
        let old = Age::of(&provider(&["name"]));
        let new = Age::of(&provider(&["id", "name"]));
        for (age, expected) in [
            (old, [None, Some(Single), Some(List), Some(Set), Some(Map), None]),
            (new, [None, Some(Single), Some(Group), Some(List), Some(Set), Some(Map)]),
        ] {
            assert_eq!([0, 1, 2, 3, 4, 5].map(|number| age.nesting(number).ok()), expected);
        }
    }
}
