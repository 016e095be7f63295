//! What Terraform up to 0.11 asks of a provider, over net/rpc: the interface `ResourceProvider` of its Go packages
//! `plugin` and `terraform`, under Go's names.
//!
//! Each method of the trait is a method of the service in Go, with the same argument and the same reply. A provider reports
//! its failures inside the reply, as a [`BasicError`]; the replies' `into_result` makes them errors.

mod config;
mod cty;
mod schema;
mod state;

use std::sync::Arc;

use go_plugin::{Error, GobType, Handshake, Result};
use serde::{Deserialize, Serialize};

pub use config::{ConfigValue, ResourceConfig};
pub use cty::CtyType;
pub use schema::{Attribute, Block, NestedBlock, ProviderSchema, ProviderSchemaRequest};
pub use state::{DiffKind, EphemeralState, InstanceDiff, InstanceInfo, InstanceState, ResourceAttrDiff};

/// The cookie and the version of Terraform 0.10 and 0.11.
pub const HANDSHAKE: Handshake = Handshake::new(
    4,
    "TF_PLUGIN_MAGIC_COOKIE",
    "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
);

/// The name under which providers serve this interface.
pub const NAME: &str = "provider";

/// A provider of resources and data sources.
#[go_plugin::interface]
pub trait ResourceProvider {
    /// The resources that it manages.
    async fn resources(&self) -> Result<Vec<ResourceType>>;

    /// The data sources that it reads.
    async fn data_sources(&self) -> Result<Vec<DataSource>>;

    /// What may be configured, of the provider and of what is asked for.
    #[rpc(args = fields)]
    async fn get_schema(&self, req: &ProviderSchemaRequest) -> Result<SchemaReply>;

    /// Completes its configuration with what `input` answers.
    async fn input(
        &self,
        #[rpc(name = "InputId")] input: Arc<dyn UiInput>,
        config: &ResourceConfig,
    ) -> Result<ConfigReply>;

    /// Checks the provider's own configuration.
    #[rpc(args = fields)]
    async fn validate(&self, config: &ResourceConfig) -> Result<Findings>;

    /// Checks the configuration of a resource of type `kind`.
    async fn validate_resource(
        &self,
        config: &ResourceConfig,
        #[rpc(name = "Type")] kind: &str,
    ) -> Result<Findings>;

    /// Checks the configuration of a data source of type `kind`.
    async fn validate_data_source(
        &self,
        config: &ResourceConfig,
        #[rpc(name = "Type")] kind: &str,
    ) -> Result<Findings>;

    /// Gives the provider its configuration, before it does anything to resources.
    async fn configure(&self, config: &ResourceConfig) -> Result<Done>;

    /// What has to change to get from `state`, or from nothing, to `config`.
    async fn diff(
        &self,
        info: &InstanceInfo,
        state: Option<InstanceState>,
        config: &ResourceConfig,
    ) -> Result<DiffReply>;

    /// Makes the changes.
    async fn apply(
        &self,
        info: &InstanceInfo,
        state: Option<InstanceState>,
        diff: &InstanceDiff,
    ) -> Result<StateReply>;

    /// Reads the resource anew. No state means that it is gone.
    async fn refresh(&self, info: &InstanceInfo, state: &InstanceState) -> Result<StateReply>;

    /// Takes over a resource that exists.
    async fn import_state(&self, info: &InstanceInfo, id: &str) -> Result<ImportReply>;

    /// What reading a data source will yield.
    async fn read_data_diff(&self, info: &InstanceInfo, config: &ResourceConfig) -> Result<DiffReply>;

    /// Reads a data source.
    async fn read_data_apply(&self, info: &InstanceInfo, diff: &InstanceDiff) -> Result<StateReply>;

    /// Asks the provider to give up what it is doing.
    async fn stop(&self) -> Result<Done>;
}

/// Answers a provider's questions to its user.
#[go_plugin::interface]
pub trait UiInput {
    /// One question.
    async fn input(&self, question: &InputOpts) -> Result<InputReply>;
}

/// A question to the user.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
pub struct InputOpts {
    /// What is asked for, the name of an attribute for example.
    pub id: String,
    /// The question in words.
    pub query: String,
    /// More about it.
    pub description: String,
    /// The answer if there is none.
    pub default: String,
}

/// A resource that a provider manages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
pub struct ResourceType {
    /// Its type: `null_resource`.
    pub name: String,
    /// Whether [`ResourceProvider::import_state`] knows it.
    pub importable: bool,
    /// Whether [`ResourceProvider::get_schema`] does.
    pub schema_available: bool,
}

/// A data source that a provider reads.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
pub struct DataSource {
    /// Its type: `null_data_source`.
    pub name: String,
    /// Whether [`ResourceProvider::get_schema`] knows it.
    pub schema_available: bool,
}

/// A failure as text: go-plugin's `BasicError`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
pub struct BasicError {
    /// The text.
    pub message: String,
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
pub struct Findings {
    /// What may be meant so.
    pub warnings: Vec<String>,
    /// What cannot be.
    pub errors: Vec<BasicError>,
}

macro_rules! replies {
    ($($(#[$doc:meta])* $name:ident { $field:ident: $ty:ty };)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, GobType)]
        #[serde(rename_all = "PascalCase")]
        pub struct $name {
            /// The result; with an error it is what was achieved before.
            pub $field: $ty,
            /// Why it failed.
            pub error: Option<BasicError>,
        }

        impl $name {
            /// The result, unless the provider reports a failure.
            pub fn into_result(self) -> Result<$ty> {
                match self.error {
                    None => Ok(self.$field),
                    Some(error) => Err(Error::msg(error.message)),
                }
            }
        }
    )*};
}

replies! {
    /// The reply of [`ResourceProvider::get_schema`].
    SchemaReply { schema: Option<ProviderSchema> };
    /// The reply of [`ResourceProvider::input`].
    ConfigReply { config: Option<ResourceConfig> };
    /// The reply of [`UiInput::input`].
    InputReply { value: String };
    /// What has to change: nothing, if there is no diff.
    DiffReply { diff: Option<InstanceDiff> };
    /// The state of a resource: none if it does not exist.
    StateReply { state: Option<InstanceState> };
    /// The resources that were found.
    ImportReply { state: Vec<InstanceState> };
}

/// The reply of what has no result.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
pub struct Done {
    /// Why it failed.
    pub error: Option<BasicError>,
}

impl Done {
    /// Success, unless the provider reports a failure.
    pub fn into_result(self) -> Result<()> {
        self.error.map_or(Ok(()), |error| Err(Error::msg(error.message)))
    }
}
