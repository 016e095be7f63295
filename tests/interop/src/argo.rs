//! The step plugins of Argo Rollouts 1.8: a step of a deployment, with the whole resource that describes it.
//!
//! That is a Kubernetes object of some hundred types. Here is what a plugin reads of it ([`Step`]); a plugin that has to pass
//! it on keeps the [`Any`] that it came in, in which nothing is lost.

use std::collections::BTreeMap;

use go_plugin::{
    Client, GobType, Handshake, PluginCommand, Result,
    serde_gob::{self, Any, Bytes, Time},
};
use serde::{Deserialize, Serialize};

/// That of Argo's step plugins.
pub const HANDSHAKE: Handshake = Handshake::new(1, "ARGO_ROLLOUTS_RPC_PLUGIN", "step");

/// The name under which they serve.
pub const NAME: &str = "RpcStepPlugin";

/// The names under which the arguments of the methods are registered.
pub mod args {
    /// Of [`run`](super::StepPlugin::run).
    pub const RUN: &str = "step.RunArgs";
    /// Of [`terminate`](super::StepPlugin::terminate).
    pub const TERMINATE: &str = "step.TerminateArgs";
    /// Of [`abort`](super::StepPlugin::abort).
    pub const ABORT: &str = "step.AbortArgs";
}

/// Argo's `StepPlugin`. The arguments are interfaces that hold a [`Step`].
#[go_plugin::interface]
pub trait StepPlugin {
    /// Comes first.
    async fn init_plugin(&self) -> Result<RpcError>;
    /// Begins or goes on.
    async fn run(&self, step: &Any) -> Result<Response>;
    /// Stops what runs.
    async fn terminate(&self, step: &Any) -> Result<Response>;
    /// Takes back what was done.
    async fn abort(&self, step: &Any) -> Result<Response>;
    /// The plugin's name.
    #[rpc(name = "Type")]
    async fn kind(&self) -> Result<String>;
}

/// An argument, as far as plugins read it.
#[derive(Debug, Clone, Default, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
pub struct Step {
    /// The deployment.
    pub rollout: Rollout,
    /// What concerns this step.
    pub context: Context,
}

impl Step {
    /// In the interface that a method takes.
    ///
    /// # Errors
    /// What gob cannot carry.
    pub fn to_any(&self, name: &str) -> serde_gob::Result<Any> {
        Any::of(name, self)
    }
}

/// Argo's `v1alpha1.Rollout`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
pub struct Rollout {
    /// What every object of Kubernetes has.
    pub object_meta: ObjectMeta,
    /// How far it is.
    pub status: RolloutStatus,
}

/// Kubernetes' `metav1.ObjectMeta`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
pub struct ObjectMeta {
    /// Unique in its namespace.
    pub name: String,
    /// Where it is.
    pub namespace: String,
    /// Marks.
    pub labels: BTreeMap<String, String>,
    /// Since when there is one.
    pub creation_timestamp: Time,
}

/// Argo's `v1alpha1.RolloutStatus`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
pub struct RolloutStatus {
    /// A pointer in Go, of which gob does not send a 0.
    pub current_step_index: Option<i32>,
    /// Of a deployment in steps.
    pub canary: CanaryStatus,
}

/// Argo's `v1alpha1.CanaryStatus`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
pub struct CanaryStatus {
    /// What plugins said about earlier steps.
    pub step_plugin_statuses: Vec<StepPluginStatus>,
}

/// Argo's `v1alpha1.StepPluginStatus`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
pub struct StepPluginStatus {
    /// Which step.
    pub index: i32,
    /// Of which plugin.
    pub name: String,
    /// `Running`, `Successful`, …
    pub phase: String,
    /// When.
    pub started_at: Option<Time>,
    /// JSON of the plugin's.
    pub status: Bytes,
}

/// Argo's `types.RpcStepContext`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
pub struct Context {
    /// As the user calls it.
    pub plugin_name: String,
    /// JSON of the user's.
    pub config: Bytes,
    /// JSON of the plugin's own, from its last answer.
    pub status: Bytes,
}

/// What a method answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    /// How it went.
    pub result: StepResult,
    /// Why it did not.
    pub error: RpcError,
}

/// Argo's `types.RpcStepResult`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
pub struct StepResult {
    /// `Running`, `Successful`, `Failed` or `Error`.
    pub phase: String,
    /// For people.
    pub message: String,
    /// Nanoseconds.
    pub requeue_after: i64,
    /// JSON of the plugin's.
    pub status: Bytes,
}

/// Argo's `types.RpcError`; no text is no error.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
pub struct RpcError {
    /// The text.
    pub error_string: String,
}

/// A plugin between the controller and another plugin.
pub struct Relay {
    next: std::sync::Arc<dyn StepPlugin>,
    _client: Client,
}

impl Relay {
    /// Starts the plugin behind it.
    ///
    /// # Errors
    /// As [`ClientBuilder::start`](go_plugin::ClientBuilder::start).
    pub async fn to(command: impl Into<PluginCommand>) -> Result<Self> {
        let client = Client::builder(HANDSHAKE)
            .plugin(NAME, StepPluginPlugin::client())
            .command(command)
            .start()
            .await?;
        Ok(Self { next: client.dispense::<StepPluginPlugin>(NAME).await?, _client: client })
    }

    /// Adds to an answer what it reads in the argument.
    fn sign(step: &Any, mut response: Response) -> Result<Response> {
        let Step { rollout: Rollout { object_meta, status }, context } =
            step.get().map_err(go_plugin::Error::msg)?;
        let earlier = status.canary.step_plugin_statuses.iter().map(|step| {
            let at = step.started_at.map(|at| at.to_string()).unwrap_or_default();
            format!("{} {} {at}", step.name, step.phase)
        });
        let earlier: Vec<_> = earlier.collect();
        response.result.message += &format!(
            " ({}/{} {:?}, step {} of {}, after {})",
            object_meta.namespace,
            object_meta.name,
            object_meta.labels,
            status.current_step_index.unwrap_or_default(),
            context.plugin_name,
            earlier.join(", ")
        );
        Ok(response)
    }
}

#[go_plugin::interface]
impl StepPlugin for Relay {
    async fn init_plugin(&self) -> Result<RpcError> {
        self.next.init_plugin().await
    }

    async fn run(&self, step: &Any) -> Result<Response> {
        Self::sign(step, self.next.run(step).await?)
    }

    async fn terminate(&self, step: &Any) -> Result<Response> {
        Self::sign(step, self.next.terminate(step).await?)
    }

    async fn abort(&self, step: &Any) -> Result<Response> {
        Self::sign(step, self.next.abort(step).await?)
    }

    async fn kind(&self) -> Result<String> {
        self.next.kind().await
    }
}
