//! Versions 5 and 6, over gRPC. Their schemas differ in a field or two, and so in all their types.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use go_plugin::{Error, GrpcBroker, GrpcChannel, GrpcPlugin, GrpcServices, Plugin, Result};

use super::Provider;
use crate::{
    schema::{
        Attribute, Block, Description, Function, NestedAttributes, NestedBlock, Nesting, Parameter,
        ProviderSchema, Schema, TextKind,
    },
    types::Type,
};

/// Generated from `proto/tfplugin5.proto`.
#[allow(clippy::all, dead_code, missing_docs, reason = "generated")]
#[path = "../generated/tfplugin5.rs"]
mod tfplugin5;

/// Generated from `proto/tfplugin6.proto`.
#[allow(clippy::all, dead_code, missing_docs, reason = "generated")]
#[path = "../generated/tfplugin6.rs"]
mod tfplugin6;

/// One version: its plugin type, and how its messages become ours.
macro_rules! version {
    ($plugin:ident: $proto:ident, $get_schema:ident, nested attributes: $nested:expr) => {
        pub struct $plugin;

        impl Plugin for $plugin {
            type Interface = dyn Provider;

            fn grpc(&self) -> Option<&dyn GrpcPlugin<dyn Provider>> {
                Some(self)
            }
        }

        impl GrpcPlugin<dyn Provider> for $plugin {
            fn server(&self, _: GrpcBroker, _: &mut GrpcServices) -> Result<()> {
                Err(Error::msg("this program is a host"))
            }

            fn client(&self, _: GrpcBroker, channel: GrpcChannel) -> Result<Arc<dyn Provider>> {
                let limit = channel.message_limit(); // schemas of tens of megabytes exist
                let client = $proto::provider_client::ProviderClient::new(channel);
                Ok(Arc::new(Adapter(client.max_decoding_message_size(limit))))
            }
        }

        #[async_trait]
        impl Provider for Adapter<$proto::provider_client::ProviderClient<GrpcChannel>> {
            async fn schema(&self) -> Result<ProviderSchema> {
                let request = $proto::get_provider_schema::Request {};
                let response = self.0.clone().$get_schema(request).await?.into_inner();
                let errors = response.diagnostics.iter();
                let errors = errors.filter(|d| d.severity() == $proto::diagnostic::Severity::Error);
                refuse(errors.map(|d| (d.summary.as_str(), d.detail.as_str())))?;
                Ok(ProviderSchema {
                    provider: response.provider.unwrap_or_default().try_into()?,
                    resource_schemas: convert(response.resource_schemas)?,
                    data_source_schemas: convert(response.data_source_schemas)?,
                    ephemeral_resource_schemas: convert(response.ephemeral_resource_schemas)?,
                    functions: convert(response.functions)?,
                })
            }
        }

        impl TryFrom<$proto::Schema> for Schema {
            type Error = Error;

            fn try_from(schema: $proto::Schema) -> Result<Self> {
                Ok(Self { version: schema.version, block: schema.block.map(Block::try_from).transpose()? })
            }
        }

        impl TryFrom<$proto::schema::Block> for Block {
            type Error = Error;

            fn try_from(block: $proto::schema::Block) -> Result<Self> {
                let kind = block.description_kind().into();
                Ok(Self {
                    attributes: by_name(block.attributes, |attribute| attribute.name.clone())?,
                    block_types: by_name(block.block_types, |nested| nested.type_name.clone())?,
                    description: Description { text: block.description, kind },
                    deprecated: block.deprecated,
                })
            }
        }

        impl TryFrom<$proto::schema::Attribute> for Attribute {
            type Error = Error;

            fn try_from(attribute: $proto::schema::Attribute) -> Result<Self> {
                let nested_type: fn(&$proto::schema::Attribute) -> Result<Option<NestedAttributes>> = $nested;
                let nested_type = nested_type(&attribute)?;
                let kind = attribute.description_kind().into();
                Ok(Self {
                    ty: if nested_type.is_none() { Some(ty(&attribute.r#type)?) } else { None },
                    nested_type,
                    description: Description { text: attribute.description, kind },
                    deprecated: attribute.deprecated,
                    required: attribute.required,
                    optional: attribute.optional,
                    computed: attribute.computed,
                    sensitive: attribute.sensitive,
                    write_only: attribute.write_only,
                })
            }
        }

        impl TryFrom<$proto::schema::NestedBlock> for NestedBlock {
            type Error = Error;

            fn try_from(nested: $proto::schema::NestedBlock) -> Result<Self> {
                use $proto::schema::nested_block::NestingMode;
                let nesting_mode = match nested.nesting() {
                    NestingMode::Single => Nesting::Single,
                    NestingMode::Group => Nesting::Group,
                    NestingMode::List => Nesting::List,
                    NestingMode::Set => Nesting::Set,
                    NestingMode::Map => Nesting::Map,
                    NestingMode::Invalid => return Err(no_nesting(nested.nesting, &nested.type_name)),
                };
                let block = nested.block.unwrap_or_default().try_into()?;
                Ok(Self { nesting_mode, block, min_items: nested.min_items, max_items: nested.max_items })
            }
        }

        impl TryFrom<$proto::Function> for Function {
            type Error = Error;

            fn try_from(function: $proto::Function) -> Result<Self> {
                let parameters = function.parameters.into_iter().map(Parameter::try_from);
                Ok(Self {
                    description: function.description,
                    summary: function.summary,
                    deprecation_message: function.deprecation_message,
                    return_type: ty(&function.r#return.unwrap_or_default().r#type)?,
                    parameters: parameters.collect::<Result<_>>()?,
                    variadic_parameter: function.variadic_parameter.map(Parameter::try_from).transpose()?,
                })
            }
        }

        impl TryFrom<$proto::function::Parameter> for Parameter {
            type Error = Error;

            fn try_from(parameter: $proto::function::Parameter) -> Result<Self> {
                Ok(Self {
                    name: parameter.name,
                    description: parameter.description,
                    is_nullable: parameter.allow_null_value,
                    ty: ty(&parameter.r#type)?,
                })
            }
        }

        impl From<$proto::StringKind> for TextKind {
            fn from(kind: $proto::StringKind) -> Self {
                match kind {
                    $proto::StringKind::Plain => Self::Plain,
                    $proto::StringKind::Markdown => Self::Markdown,
                }
            }
        }
    };
}

struct Adapter<T>(T);

version!(V5: tfplugin5, get_schema, nested attributes: |_| Ok(None));
version!(V6: tfplugin6, get_provider_schema, nested attributes: |attribute| {
    use tfplugin6::schema::object::NestingMode;
    let Some(nested) = &attribute.nested_type else { return Ok(None) };
    let nesting_mode = match nested.nesting() {
        NestingMode::Single => Nesting::Single,
        NestingMode::List => Nesting::List,
        NestingMode::Set => Nesting::Set,
        NestingMode::Map => Nesting::Map,
        NestingMode::Invalid => return Err(no_nesting(nested.nesting, &attribute.name)),
    };
    let attributes = by_name(nested.attributes.clone(), |attribute| attribute.name.clone())?;
    Ok(Some(NestedAttributes { attributes, nesting_mode }))
});

fn refuse<'a>(errors: impl Iterator<Item = (&'a str, &'a str)>) -> Result<()> {
    let texts: Vec<_> = errors
        .map(
            |(summary, detail)| {
                if detail.is_empty() { summary.to_owned() } else { format!("{summary}: {detail}") }
            },
        )
        .collect();
    if texts.is_empty() { Ok(()) } else { Err(Error::msg(texts.join("\n"))) }
}

fn convert<T, U: TryFrom<T, Error = Error>>(
    map: impl IntoIterator<Item = (String, T)>,
) -> Result<BTreeMap<String, U>> {
    map.into_iter().map(|(name, value)| Ok((name, value.try_into()?))).collect()
}

fn by_name<T, U: TryFrom<T, Error = Error>>(
    list: Vec<T>,
    name: fn(&T) -> String,
) -> Result<BTreeMap<String, U>> {
    convert(list.into_iter().map(|item| (name(&item), item)))
}

fn ty(json: &[u8]) -> Result<Type> {
    Type::from_json(json).map_err(Error::msg)
}

fn no_nesting(number: i32, name: &str) -> Error {
    Error::msg(format!("{number} is no nesting of blocks or attributes ({name})"))
}
