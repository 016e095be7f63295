//! Configuration: trees of values that only the provider can make sense of.

use std::collections::BTreeMap;

use go_plugin::GobType;
use serde::{Deserialize, Serialize};

/// The configuration of a provider, a resource or a data source.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
pub struct ResourceConfig {
    /// Keys whose values are not known yet.
    pub computed_keys: Vec<String>,
    /// As the user wrote it.
    pub raw: BTreeMap<String, Option<ConfigValue>>,
    /// With all references resolved.
    pub config: BTreeMap<String, Option<ConfigValue>>,
}

impl ResourceConfig {
    /// A configuration without references to anything else.
    pub fn new(config: BTreeMap<String, Option<ConfigValue>>) -> Self {
        Self { computed_keys: Vec::new(), raw: config.clone(), config }
    }
}

/// A value in a configuration: what Terraform puts into an `interface{}`. `None` around it is nil.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, GobType)]
pub enum ConfigValue {
    /// `true` or `false`.
    #[serde(rename = "bool")]
    Bool(bool),
    /// A whole number.
    #[serde(rename = "int")]
    Int(i64),
    /// Any other number.
    #[serde(rename = "float64")]
    Float(f64),
    /// A text.
    #[serde(rename = "string")]
    String(String),
    /// A list.
    #[serde(rename = "[]interface {}")]
    List(Vec<Option<ConfigValue>>),
    /// A map.
    #[serde(rename = "map[string]interface {}")]
    Map(BTreeMap<String, Option<ConfigValue>>),
    /// Blocks: Terraform 0.11 reads them as lists of maps.
    #[serde(rename = "[]map[string]interface {}")]
    Blocks(Vec<BTreeMap<String, Option<ConfigValue>>>),
    /// A map of texts.
    #[serde(rename = "map[string]string")]
    Strings(BTreeMap<String, String>),
}

impl ConfigValue {
    /// A text.
    pub fn string(text: impl Into<String>) -> Option<Self> {
        Some(Self::String(text.into()))
    }

    /// A value as JSON has it. `null` is nil.
    pub fn from_json(value: serde_json::Value) -> Option<Self> {
        use serde_json::Value;
        Some(match value {
            Value::Null => return None,
            Value::Bool(value) => Self::Bool(value),
            Value::Number(number) => match number.as_i64() {
                Some(number) => Self::Int(number),
                None => Self::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => Self::String(text),
            Value::Array(list) => Self::List(list.into_iter().map(Self::from_json).collect()),
            Value::Object(map) => {
                Self::Map(map.into_iter().map(|(key, value)| (key, Self::from_json(value))).collect())
            }
        })
    }
}
