//! A provider of any age: one trait in front of three versions of Terraform's protocol, on two transports.

mod grpc;
mod netrpc;

use std::sync::Arc;

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use go_plugin::{AutoMtls, Client, PluginCommand, PluginSet, Protocol};

use crate::{
    legacy::{HANDSHAKE, NAME},
    schema::ProviderSchema,
};

/// What this program asks of providers.
#[async_trait]
pub trait Provider: Send + Sync {
    /// All that it lets people configure.
    async fn schema(&self) -> go_plugin::Result<ProviderSchema>;
}

/// The versions of the protocol that are spoken here.
pub const VERSIONS: [u32; 3] = [4, 5, 6];

/// Starts a provider, asks for its schema and ends it. Of `versions` it chooses the highest that it knows.
pub async fn ask(command: PluginCommand, versions: &[u32]) -> Result<ProviderSchema> {
    let mut client = Client::builder(HANDSHAKE)
        .allowed_protocols([Protocol::NetRpc, Protocol::Grpc])
        // Providers from before Terraform 0.12 have none.
        .auto_mtls(AutoMtls::IfOffered)
        .name("provider")
        .command(command);
    for version in versions {
        client = client.version(*version, plugins(*version));
    }
    let client = client.start().await.context("cannot start the provider")?;
    let schema = async { dispense(&client).await?.schema().await }.await;
    // Over gRPC that is the controller's Shutdown, over net/rpc Control.Quit.
    client.kill().await?;
    schema.context("the provider does not tell its schema")
}

/// Each version has a plugin type of its own; all yield the same trait.
async fn dispense(client: &Client) -> go_plugin::Result<Arc<dyn Provider>> {
    match client.version() {
        4 => client.dispense::<netrpc::V4>(NAME).await,
        5 => client.dispense::<grpc::V5>(NAME).await,
        _ => client.dispense::<grpc::V6>(NAME).await,
    }
}

fn plugins(version: u32) -> PluginSet {
    match version {
        4 => PluginSet::new().plugin(NAME, netrpc::V4),
        5 => PluginSet::new().plugin(NAME, grpc::V5),
        _ => PluginSet::new().plugin(NAME, grpc::V6),
    }
}
