//! One provider on version 4 over net/rpc and on version 5 over gRPC, behind one trait: the same plan, the same state, the
//! same refusals.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use go_plugin::{
    Client, Error, GrpcBroker, GrpcChannel, GrpcPlugin, GrpcServices, MuxBroker, NetRpcPlugin, Plugin,
    PluginSet, Protocol, Result,
    netrpc::{RpcClient, Service},
};
use interop_tests::{go_program, within};
use serde_json::{Value, json};

use crate::{
    flat::{self, UNKNOWN},
    legacy::{
        ConfigValue, Findings, HANDSHAKE, InstanceDiff, InstanceInfo, NAME, ProviderSchemaRequest,
        ResourceConfig, ResourceProvider, ResourceProviderPlugin,
    },
    tfplugin5::{
        self, Diagnostic, DynamicValue, Schema, apply_resource_change, configure, get_provider_schema,
        plan_resource_change, prepare_provider_config, provider_client::ProviderClient,
        validate_resource_type_config,
    },
};

/// What a host does with providers, whatever they speak.
#[async_trait]
trait Provider: Send + Sync {
    /// Checks the provider's own configuration and hands it over.
    async fn configure(&self, config: &Value) -> Result<()>;

    /// Checks the configuration of a resource, and says what creating it will make of it.
    async fn plan(&self, kind: &str, config: &Value) -> Result<Plan>;

    /// Creates it: its state.
    async fn apply(&self, plan: &Plan) -> Result<Value>;
}

struct Plan {
    kind: String,
    /// As far as it is known.
    state: Value,
    /// What the provider wants back.
    token: Token,
}

enum Token {
    V4(InstanceDiff),
    V5(apply_resource_change::Request),
}

/// Over net/rpc.
struct V4;

impl Plugin for V4 {
    type Interface = dyn Provider;

    fn netrpc(&self) -> Option<&dyn NetRpcPlugin<dyn Provider>> {
        Some(self)
    }
}

impl NetRpcPlugin<dyn Provider> for V4 {
    fn server(&self, _: MuxBroker) -> Result<Box<dyn Service>> {
        Err(Error::msg("a host"))
    }

    fn client(&self, rpc: RpcClient) -> Result<Arc<dyn Provider>> {
        Ok(Arc::new(OverNetRpc(ResourceProviderPlugin::client().netrpc().unwrap().client(rpc)?)))
    }
}

struct OverNetRpc(Arc<dyn ResourceProvider>);

#[async_trait]
impl Provider for OverNetRpc {
    async fn configure(&self, config: &Value) -> Result<()> {
        let config = resource_config(config);
        check(&self.0.validate(&config).await?)?;
        self.0.configure(&config).await?.into_result()
    }

    async fn plan(&self, kind: &str, config: &Value) -> Result<Plan> {
        let config = resource_config(config);
        check(&self.0.validate_resource(&config, kind).await?)?;
        let diff = self.0.diff(&info(kind), None, &config).await?.into_result()?.unwrap_or_default();
        let flat = diff.attributes.iter().flatten().map(|(name, change)| {
            let new = if change.new_computed { UNKNOWN } else { &change.new };
            (name.clone(), new.to_owned())
        });
        let mut state = self.tree(kind, &flat.collect()).await?;
        // The id is not part of the diff: that of a new resource is never known.
        state["id"] = UNKNOWN.into();
        Ok(Plan { kind: kind.into(), state, token: Token::V4(diff) })
    }

    async fn apply(&self, plan: &Plan) -> Result<Value> {
        let Token::V4(diff) = &plan.token else { return Err(Error::msg("another provider's plan")) };
        let state = self.0.apply(&info(&plan.kind), None, diff).await?.into_result()?.unwrap_or_default();
        self.tree(&plan.kind, &state.attributes.unwrap_or_default()).await
    }
}

impl OverNetRpc {
    async fn tree(&self, kind: &str, flat: &BTreeMap<String, String>) -> Result<Value> {
        let request = ProviderSchemaRequest { resource_types: vec![kind.into()], data_sources: Vec::new() };
        let schema = self.0.get_schema(&request).await?.into_result()?.unwrap_or_default();
        Ok(flat::block(flat, "", &schema.resource_types[kind]))
    }
}

fn info(kind: &str) -> InstanceInfo {
    InstanceInfo { id: format!("{kind}.a"), module_path: vec!["root".into()], kind: kind.into() }
}

fn resource_config(config: &Value) -> ResourceConfig {
    match ConfigValue::from_json(config.clone()) {
        Some(ConfigValue::Map(config)) => ResourceConfig::new(config),
        other => panic!("a configuration is an object: {other:?}"),
    }
}

fn check(findings: &Findings) -> Result<()> {
    refuse(findings.errors.iter().map(|error| error.message.clone()).collect())
}

fn refuse(errors: Vec<String>) -> Result<()> {
    if errors.is_empty() { Ok(()) } else { Err(Error::msg(errors.join("\n"))) }
}

/// Over gRPC.
struct V5;

impl Plugin for V5 {
    type Interface = dyn Provider;

    fn grpc(&self) -> Option<&dyn GrpcPlugin<dyn Provider>> {
        Some(self)
    }
}

impl GrpcPlugin<dyn Provider> for V5 {
    fn server(&self, _: GrpcBroker, _: &mut GrpcServices) -> Result<()> {
        Err(Error::msg("a host"))
    }

    fn client(&self, _: GrpcBroker, channel: GrpcChannel) -> Result<Arc<dyn Provider>> {
        Ok(Arc::new(OverGrpc(ProviderClient::new(channel))))
    }
}

struct OverGrpc(ProviderClient<GrpcChannel>);

#[async_trait]
impl Provider for OverGrpc {
    async fn configure(&self, config: &Value) -> Result<()> {
        let schema = self.schema().await?.provider.unwrap_or_default();
        let config = pack(&complete(&schema, config));
        let mut client = self.0.clone();
        let request = prepare_provider_config::Request { config: Some(config) };
        let prepared = client.prepare_provider_config(request).await?.into_inner();
        accept(&prepared.diagnostics)?;
        let request =
            configure::Request { terraform_version: "1.5.0".into(), config: prepared.prepared_config };
        accept(&client.configure(request).await?.into_inner().diagnostics)
    }

    async fn plan(&self, kind: &str, config: &Value) -> Result<Plan> {
        let schema = &self.schema().await?.resource_schemas[kind];
        let config = Some(pack(&complete(schema, config)));
        let mut client = self.0.clone();
        let request =
            validate_resource_type_config::Request { type_name: kind.into(), config: config.clone() };
        accept(&client.validate_resource_type_config(request).await?.into_inner().diagnostics)?;
        let request = plan_resource_change::Request {
            type_name: kind.into(),
            prior_state: Some(pack(&Value::Null)),
            proposed_new_state: config.clone(),
            config: config.clone(),
            prior_private: Vec::new(),
        };
        let planned = client.plan_resource_change(request).await?.into_inner();
        accept(&planned.diagnostics)?;
        let state = unpack(planned.planned_state.as_ref())?;
        let token = Token::V5(apply_resource_change::Request {
            type_name: kind.into(),
            prior_state: Some(pack(&Value::Null)),
            planned_state: planned.planned_state,
            config,
            planned_private: planned.planned_private,
        });
        Ok(Plan { kind: kind.into(), state, token })
    }

    async fn apply(&self, plan: &Plan) -> Result<Value> {
        let Token::V5(request) = &plan.token else { return Err(Error::msg("another provider's plan")) };
        let applied = self.0.clone().apply_resource_change(request.clone()).await?.into_inner();
        accept(&applied.diagnostics)?;
        unpack(applied.new_state.as_ref())
    }
}

impl OverGrpc {
    async fn schema(&self) -> Result<get_provider_schema::Response> {
        Ok(self.0.clone().get_schema(get_provider_schema::Request {}).await?.into_inner())
    }
}

/// Version 5 has every attribute named, if only with null, and every kind of block.
fn complete(schema: &Schema, config: &Value) -> Value {
    let block = schema.block.clone().unwrap_or_default();
    let attributes = block.attributes.into_iter().map(|attribute| (attribute.name, Value::Null));
    let blocks = block.block_types.into_iter().map(|block| (block.type_name, json!([])));
    let all = attributes.chain(blocks).map(|(name, empty)| {
        let value = config.get(&name).cloned().unwrap_or(empty);
        (name, value)
    });
    Value::Object(all.collect())
}

fn accept(diagnostics: &[Diagnostic]) -> Result<()> {
    let errors = diagnostics.iter().filter(|d| d.severity() == tfplugin5::diagnostic::Severity::Error);
    refuse(errors.map(|diagnostic| diagnostic.summary.clone()).collect())
}

fn pack(value: &Value) -> DynamicValue {
    let mut msgpack = Vec::new();
    rmpv::encode::write_value(&mut msgpack, &rmpv::ext::to_value(value).unwrap()).unwrap();
    DynamicValue { msgpack, json: Vec::new() }
}

fn unpack(value: Option<&DynamicValue>) -> Result<Value> {
    let mut msgpack = value.map_or(&[][..], |value| &value.msgpack);
    Ok(tree(rmpv::decode::read_value(&mut msgpack).map_err(Error::msg)?))
}

fn tree(value: rmpv::Value) -> Value {
    match value {
        rmpv::Value::Nil => Value::Null,
        rmpv::Value::Boolean(value) => value.into(),
        rmpv::Value::Integer(number) => flat::number(number.as_f64().unwrap()),
        rmpv::Value::F32(number) => flat::number(number.into()),
        rmpv::Value::F64(number) => flat::number(number),
        rmpv::Value::String(text) => text.into_str().unwrap_or_default().into(),
        rmpv::Value::Array(items) => flat::list(items.into_iter().map(tree).collect()),
        rmpv::Value::Map(entries) if entries.is_empty() => Value::Null,
        rmpv::Value::Map(entries) => {
            let entries = entries.into_iter();
            Value::Object(
                entries.map(|(key, value)| (key.as_str().unwrap().to_owned(), tree(value))).collect(),
            )
        }
        rmpv::Value::Ext(..) => UNKNOWN.into(),
        rmpv::Value::Binary(bytes) => panic!("no value of Terraform's: {bytes:?}"),
    }
}

/// One host for both: the version decides about the transport.
async fn start(version: u32) -> (Client, Arc<dyn Provider>) {
    let builder = Client::builder(HANDSHAKE)
        .version(4, PluginSet::new().plugin(NAME, V4))
        .allowed_protocols([Protocol::NetRpc, Protocol::Grpc])
        .command(go_program("tfdual"));
    let builder = if version == 5 { builder.version(5, PluginSet::new().plugin(NAME, V5)) } else { builder };
    let client = within("the provider to start", builder.start()).await.unwrap();
    assert_eq!(client.version(), version);
    let provider = match client.protocol() {
        Protocol::NetRpc => client.dispense::<V4>(NAME).await,
        Protocol::Grpc => client.dispense::<V5>(NAME).await,
    };
    (client, provider.unwrap())
}

#[tokio::test]
async fn plan_and_apply_give_the_same_over_either_transport() {
    let config = json!({
        "name": "x", "m": {"k": "v"}, "l": ["a", "b"], "b": true, "f": 1.5, "block": [{"k": "z"}],
    });
    let mut results = Vec::new();
    for (version, protocol) in [(4, Protocol::NetRpc), (5, Protocol::Grpc)] {
        let (client, provider) = start(version).await;
        assert_eq!(client.protocol(), protocol);
        let work = async {
            provider.configure(&json!({"token": "tk"})).await.unwrap();
            let plan = provider.plan("scratch_thing", &config).await.unwrap();
            let state = provider.apply(&plan).await.unwrap();
            (plan.state, state)
        };
        results.push(within("plan and apply", work).await);
        within("the kill", client.kill()).await.unwrap();
    }
    let mut expected = config;
    expected["n"] = 3.into();
    expected["id"] = UNKNOWN.into();
    expected["out"] = UNKNOWN.into();
    let plan = expected.clone();
    expected["id"] = "id-x".into();
    expected["out"] = "tk/3/map[k:v]".into();
    for (planned, applied) in results {
        assert_eq!((planned, applied), (plan.clone(), expected.clone()));
    }
}

#[tokio::test]
async fn refusals_are_the_same_over_either_transport() {
    for version in [4, 5] {
        let (client, provider) = start(version).await;
        let text = |refused: Result<()>| {
            let error = refused.unwrap_err();
            assert!(error.is_remote(), "{error:?}");
            error.to_string()
        };
        let bad = within("the refusal", provider.configure(&json!({"token": "bad"}))).await;
        assert_eq!(text(bad), "token rejected", "version {version}");
        provider.configure(&json!({"token": "tk"})).await.unwrap();
        let unnamed = within("the refusal", provider.plan("scratch_thing", &json!({"n": 1}))).await;
        assert_eq!(text(unnamed.map(drop)), "\"name\": required field is not set", "version {version}");
        let plan = provider.plan("scratch_thing", &json!({"name": "fail"})).await.unwrap();
        let refused = within("the refusal", provider.apply(&plan)).await;
        assert_eq!(text(refused.map(drop)), "create refused for tk", "version {version}");
        within("the kill", client.kill()).await.unwrap();
    }
}
