//! The same interface over gRPC, where values travel as JSON: numbers arrive as Go's `float64`, whatever they were.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use go_plugin::{
    Error, GrpcBroker, GrpcChannel, GrpcPlugin, GrpcServices, Result,
    serde_gob::{Any, Value},
};
use serde_json::Value as Json;
use tonic::{Request, Response, Status};

use super::{FunctionCall, Functions, FunctionsPlugin};
use proto::{
    CallRequest, CallResponse, Empty, GetNamesResponse, debug_talk_client::DebugTalkClient, debug_talk_server,
};

/// Generated from `proto/funplugin/debugtalk.proto`.
#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated")]
#[path = "../generated/funplugin/proto.rs"]
mod proto;

impl GrpcPlugin<dyn Functions> for FunctionsPlugin {
    fn server(&self, _: GrpcBroker, services: &mut GrpcServices) -> Result<()> {
        services.add_descriptors(include_bytes!("../generated/funplugin/descriptors.bin"));
        services.add(debug_talk_server::DebugTalkServer::new(Adapter(self.implementation()?)))
    }

    fn client(&self, _: GrpcBroker, channel: GrpcChannel) -> Result<Arc<dyn Functions>> {
        Ok(Arc::new(Adapter(DebugTalkClient::new(channel))))
    }
}

struct Adapter<T>(T);

#[go_plugin::interface]
impl Functions for Adapter<DebugTalkClient<GrpcChannel>> {
    async fn get_names(&self) -> Result<Vec<String>> {
        Ok(self.0.clone().get_names(Empty {}).await?.into_inner().names)
    }

    async fn call(&self, call: FunctionCall) -> Result<Any> {
        let FunctionCall::Data { name, args } = call;
        let args: Vec<_> = args.iter().map(any_to_json).collect::<Result<_>>()?;
        let request = CallRequest { name, args: serde_json::to_vec(&args).map_err(Error::msg)? };
        let response = self.0.clone().call(request).await?.into_inner();
        Ok(any(serde_json::from_slice(&response.value).map_err(Error::msg)?))
    }
}

#[async_trait]
impl debug_talk_server::DebugTalk for Adapter<Arc<dyn Functions>> {
    async fn get_names(&self, _: Request<Empty>) -> Result<Response<GetNamesResponse>, Status> {
        Ok(Response::new(GetNamesResponse { names: self.0.get_names().await? }))
    }

    async fn call(&self, request: Request<CallRequest>) -> Result<Response<CallResponse>, Status> {
        let CallRequest { name, args } = request.into_inner();
        // Go writes no arguments as `null`.
        let args: Option<Vec<Json>> = serde_json::from_slice(&args).map_err(Error::msg)?;
        let args = args.unwrap_or_default().into_iter().map(any).collect();
        let value = self.0.call(FunctionCall::Data { name, args }).await?;
        let value = serde_json::to_vec(&any_to_json(&value)?).map_err(Error::msg)?;
        Ok(Response::new(CallResponse { value }))
    }
}

/// As Go reads JSON into an `interface{}`.
fn any(json: Json) -> Any {
    match json {
        Json::Null => Any::NIL,
        Json::Bool(value) => value.into(),
        Json::Number(number) => number.as_f64().unwrap_or(f64::NAN).into(),
        Json::String(text) => text.into(),
        Json::Array(list) => list.into_iter().map(any).collect::<Vec<_>>().into(),
        Json::Object(map) => {
            map.into_iter().map(|(key, value)| (key, any(value))).collect::<BTreeMap<_, _>>().into()
        }
    }
}

fn any_to_json(any: &Any) -> Result<Json> {
    any.value().map_or(Ok(Json::Null), value_to_json)
}

fn value_to_json(value: &Value) -> Result<Json> {
    Ok(match value {
        Value::Bool(value) => (*value).into(),
        Value::Int(value) => (*value).into(),
        Value::Uint(value) => (*value).into(),
        Value::Float(value) => (*value).into(),
        Value::String(text) => str::from_utf8(&text.0).map_err(Error::msg)?.into(),
        Value::Slice(items) | Value::Array(items) => {
            Json::Array(items.iter().map(value_to_json).collect::<Result<_>>()?)
        }
        Value::Map(entries) => {
            let entry = |(key, value): &(Value, Value)| match value_to_json(key)? {
                Json::String(key) => Ok((key, value_to_json(value)?)),
                other => Err(Error::msg(format!("no name in JSON: {other}"))),
            };
            Json::Object(entries.iter().map(entry).collect::<Result<_>>()?)
        }
        Value::Interface(any) => any_to_json(any)?,
        other => return Err(Error::msg(format!("no value of JSON's: {other:?}"))),
    })
}
