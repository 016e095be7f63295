//! Resources as they are, and what has to change.

use std::collections::BTreeMap;

use go_plugin::{GobType, serde_gob::Any};
use serde::{Deserialize, Serialize};

/// Which resource is meant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
pub struct InstanceInfo {
    /// A name that no other resource has: `null_resource.a`. Not the id in the state.
    pub id: String,
    /// The modules around it, from `root` on.
    pub module_path: Vec<String>,
    /// Its type: `null_resource`.
    #[serde(rename = "Type")]
    pub kind: String,
}

/// A resource as it is. Attributes are flat: `triggers.%` is the size of a map, `triggers.k` a value in it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
pub struct InstanceState {
    /// What the provider finds it by. Empty means that it does not exist.
    #[serde(rename = "ID")]
    pub id: String,
    /// Its attributes.
    pub attributes: Option<BTreeMap<String, String>>,
    /// What is not stored.
    pub ephemeral: EphemeralState,
    /// The provider's own notes, to be handed back as they are.
    pub meta: Option<BTreeMap<String, Any>>,
    /// Whether it has to be made anew.
    pub tainted: bool,
}

/// The part of a state that ends with the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
pub struct EphemeralState {
    /// How to log in to it.
    pub conn_info: Option<BTreeMap<String, String>>,
    /// Its type, if it was imported.
    #[serde(rename = "Type")]
    pub kind: String,
}

/// What has to change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
pub struct InstanceDiff {
    /// Each attribute that changes.
    pub attributes: Option<BTreeMap<String, ResourceAttrDiff>>,
    /// Whether the resource is to be destroyed.
    pub destroy: bool,
    /// Whether what is left of a replaced one is.
    pub destroy_deposed: bool,
    /// Whether a tainted one is.
    pub destroy_tainted: bool,
    /// The provider's own notes, to be handed back as they are.
    pub meta: Option<BTreeMap<String, Any>>,
}

/// How one attribute changes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
pub struct ResourceAttrDiff {
    /// The value before.
    pub old: String,
    /// The value after.
    pub new: String,
    /// Whether the value after is not known yet.
    pub new_computed: bool,
    /// Whether it goes away.
    pub new_removed: bool,
    /// The provider's own note, to be handed back as it is.
    pub new_extra: Any,
    /// Whether the resource has to be replaced for it.
    pub requires_new: bool,
    /// Whether it must not be shown.
    pub sensitive: bool,
    /// Where the value comes from.
    #[serde(rename = "Type")]
    pub kind: DiffKind,
}

/// Where a new value comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, GobType)]
#[gob(uint)]
pub enum DiffKind {
    /// It was not said.
    #[default]
    Unknown,
    /// From the configuration.
    Input,
    /// From the provider.
    Output,
}
