//! A Terraform provider from before version 0.12 in front of another one, whose command is its argument: everything that
//! crosses is decoded into the types of the example `terraform-legacy`, and encoded again.

#[allow(dead_code, unused_imports, missing_docs, reason = "the example's whole interface")]
#[path = "../../../../examples/terraform-legacy/provider/mod.rs"]
mod provider;

use std::{env, sync::Arc};

use go_plugin::{Client, Result, serve};
use provider::{
    ConfigReply, DataSource, DiffReply, Done, Findings, HANDSHAKE, ImportReply, InstanceDiff, InstanceInfo,
    InstanceState, NAME, ProviderSchemaRequest, ResourceConfig, ResourceProvider, ResourceProviderPlugin,
    ResourceType, SchemaReply, StateReply, UiInput,
};

struct Relay(Arc<dyn ResourceProvider>);

#[go_plugin::interface]
impl ResourceProvider for Relay {
    async fn resources(&self) -> Result<Vec<ResourceType>> {
        self.0.resources().await
    }

    async fn data_sources(&self) -> Result<Vec<DataSource>> {
        self.0.data_sources().await
    }

    async fn get_schema(&self, req: &ProviderSchemaRequest) -> Result<SchemaReply> {
        self.0.get_schema(req).await
    }

    async fn input(&self, input: Arc<dyn UiInput>, config: &ResourceConfig) -> Result<ConfigReply> {
        self.0.input(input, config).await
    }

    async fn validate(&self, config: &ResourceConfig) -> Result<Findings> {
        self.0.validate(config).await
    }

    async fn validate_resource(&self, config: &ResourceConfig, kind: &str) -> Result<Findings> {
        self.0.validate_resource(config, kind).await
    }

    async fn validate_data_source(&self, config: &ResourceConfig, kind: &str) -> Result<Findings> {
        self.0.validate_data_source(config, kind).await
    }

    async fn configure(&self, config: &ResourceConfig) -> Result<Done> {
        self.0.configure(config).await
    }

    async fn diff(
        &self,
        info: &InstanceInfo,
        state: Option<InstanceState>,
        config: &ResourceConfig,
    ) -> Result<DiffReply> {
        self.0.diff(info, state, config).await
    }

    async fn apply(
        &self,
        info: &InstanceInfo,
        state: Option<InstanceState>,
        diff: &InstanceDiff,
    ) -> Result<StateReply> {
        self.0.apply(info, state, diff).await
    }

    async fn refresh(&self, info: &InstanceInfo, state: &InstanceState) -> Result<StateReply> {
        self.0.refresh(info, state).await
    }

    async fn import_state(&self, info: &InstanceInfo, id: &str) -> Result<ImportReply> {
        self.0.import_state(info, id).await
    }

    async fn read_data_diff(&self, info: &InstanceInfo, config: &ResourceConfig) -> Result<DiffReply> {
        self.0.read_data_diff(info, config).await
    }

    async fn read_data_apply(&self, info: &InstanceInfo, diff: &InstanceDiff) -> Result<StateReply> {
        self.0.read_data_apply(info, diff).await
    }

    async fn stop(&self) -> Result<Done> {
        self.0.stop().await
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let client = Client::builder(HANDSHAKE)
        .plugin(NAME, ResourceProviderPlugin::client())
        .command(env::args_os().nth(1).unwrap_or_default().as_os_str())
        .start()
        .await?;
    let relay = Relay(client.dispense::<ResourceProviderPlugin>(NAME).await?);
    serve(HANDSHAKE).plugin(NAME, ResourceProviderPlugin::new(relay)).await
}
