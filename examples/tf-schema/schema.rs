//! Schemas, in the form of the document that `terraform providers schema -json` prints: serde writes them as they are.
//!
//! What is zero is left out, as there.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::types::Type;

/// The whole document.
#[derive(Debug, Serialize)]
pub struct Document {
    format_version: &'static str,
    provider_schemas: BTreeMap<String, ProviderSchema>,
}

impl Document {
    /// About one provider, under its address: `registry.terraform.io/hashicorp/null`.
    pub fn new(address: String, schema: ProviderSchema) -> Self {
        Self { format_version: "1.0", provider_schemas: BTreeMap::from([(address, schema)]) }
    }
}

/// All that a provider lets people configure.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct ProviderSchema {
    /// Its own configuration.
    pub provider: Schema,
    /// What it manages.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub resource_schemas: BTreeMap<String, Schema>,
    /// What it reads.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub data_source_schemas: BTreeMap<String, Schema>,
    /// What it opens for the time of a run.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub ephemeral_resource_schemas: BTreeMap<String, Schema>,
    /// What it computes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub functions: BTreeMap<String, Function>,
}

/// A block with the version of states that were written under it.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Schema {
    /// Grows when states have to be converted.
    pub version: i64,
    /// None if the provider has nothing to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block: Option<Block>,
}

/// Attributes and blocks side by side.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Block {
    /// What is set with `=`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Attribute>,
    /// What is opened with `{`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub block_types: BTreeMap<String, NestedBlock>,
    /// For people.
    #[serde(flatten)]
    pub description: Description,
    /// Whether it is going to disappear.
    #[serde(skip_serializing_if = "is_false")]
    pub deprecated: bool,
}

/// What is set with `=`.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Attribute {
    /// The type of its value.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub ty: Option<Type>,
    /// Instead of a type: attributes of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nested_type: Option<NestedAttributes>,
    /// For people.
    #[serde(flatten)]
    pub description: Description,
    /// Whether it is going to disappear.
    #[serde(skip_serializing_if = "is_false")]
    pub deprecated: bool,
    /// Whether it must be there.
    #[serde(skip_serializing_if = "is_false")]
    pub required: bool,
    /// Whether it may be there.
    #[serde(skip_serializing_if = "is_false")]
    pub optional: bool,
    /// Whether the provider sets it.
    #[serde(skip_serializing_if = "is_false")]
    pub computed: bool,
    /// Whether it must not be shown.
    #[serde(skip_serializing_if = "is_false")]
    pub sensitive: bool,
    /// Whether it must not be stored.
    #[serde(skip_serializing_if = "is_false")]
    pub write_only: bool,
}

/// Attributes of an attribute.
#[derive(Debug, PartialEq, Serialize)]
pub struct NestedAttributes {
    /// By name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Attribute>,
    /// What several of them make.
    pub nesting_mode: Nesting,
}

/// A block in a block.
#[derive(Debug, PartialEq, Serialize)]
pub struct NestedBlock {
    /// What several of them make.
    pub nesting_mode: Nesting,
    /// What stands in it.
    pub block: Block,
    /// The least number.
    #[serde(skip_serializing_if = "is_zero")]
    pub min_items: i64,
    /// The greatest number. 0 is no limit.
    #[serde(skip_serializing_if = "is_zero")]
    pub max_items: i64,
}

/// What several things of one name make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Nesting {
    /// There is one, or none.
    Single,
    /// There is always one, an empty one if need be.
    Group,
    /// A list.
    List,
    /// A set.
    Set,
    /// A map, with the label as its key.
    Map,
}

/// Words for people.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Description {
    /// The words.
    #[serde(rename = "description", skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// How they are written.
    #[serde(rename = "description_kind")]
    pub kind: TextKind,
}

/// How a text is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TextKind {
    /// As it stands.
    #[default]
    Plain,
    /// In Markdown.
    Markdown,
}

/// What a provider computes.
#[derive(Debug, PartialEq, Serialize)]
pub struct Function {
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The same in a few words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// Why it is going to disappear.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub deprecation_message: String,
    /// The type of its result.
    pub return_type: Type,
    /// What it takes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<Parameter>,
    /// What it takes after that, any number of times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variadic_parameter: Option<Parameter>,
}

/// What a function takes.
#[derive(Debug, PartialEq, Serialize)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// For people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Whether it may be null.
    #[serde(skip_serializing_if = "is_false")]
    pub is_nullable: bool,
    /// Its type.
    #[serde(rename = "type")]
    pub ty: Type,
}

impl Attribute {
    /// The type of its value, whichever way that is told.
    pub fn value_type(&self) -> Option<Type> {
        match &self.nested_type {
            Some(nested) => nested.value_type(),
            None => self.ty.clone(),
        }
    }
}

impl NestedAttributes {
    fn value_type(&self) -> Option<Type> {
        let types =
            self.attributes.iter().map(|(name, attribute)| Some((name.clone(), attribute.value_type()?)));
        let object = Box::new(Type::object(types.collect::<Option<_>>()?));
        Some(match self.nesting_mode {
            Nesting::Single | Nesting::Group => *object,
            Nesting::List => Type::List(object),
            Nesting::Set => Type::Set(object),
            Nesting::Map => Type::Map(object),
        })
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls them so")]
fn is_false(value: &bool) -> bool {
    !value
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls them so")]
fn is_zero(value: &i64) -> bool {
    *value == 0
}
