//! A ruleset for tflint with one rule: nothing may have the name of a certain animal.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use go_plugin::{Error, GrpcBroker, GrpcChannel, GrpcPlugin, GrpcServices, Plugin, Result, serve};
use interop_tests::ruleset::{
    HANDSHAKE, NAME,
    proto::{
        BodySchema, apply_config, apply_global_config, body_content, body_schema, check, emit_issue,
        evaluate_expr, get_config_schema, get_module_content, get_name, get_rule_names, get_sdk_version,
        get_version, get_version_constraint, rule_set_server, runner_client::RunnerClient,
    },
};
use tonic::{Request, Response, Status};

const RULE: &str = "gopher_no_animals";

struct Gopher {
    broker: GrpcBroker,
    settings: Mutex<Settings>,
}

#[derive(Clone)]
struct Settings {
    enabled: bool,
    animal: String,
}

struct GopherPlugin;

impl Plugin for GopherPlugin {
    type Interface = ();

    fn grpc(&self) -> Option<&dyn GrpcPlugin<()>> {
        Some(self)
    }
}

impl GrpcPlugin<()> for GopherPlugin {
    fn server(&self, broker: GrpcBroker, services: &mut GrpcServices) -> Result<()> {
        let settings = Mutex::new(Settings { enabled: true, animal: "rabbit".into() });
        services.add(rule_set_server::RuleSetServer::new(Gopher { broker, settings }))
    }

    fn client(&self, _: GrpcBroker, _: GrpcChannel) -> Result<Arc<()>> {
        Err(Error::msg("this program is a plugin"))
    }
}

impl Gopher {
    fn change(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.settings.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn settings(&self) -> Settings {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn answer<T>(answer: T) -> Result<Response<T>, Status> {
    Ok(Response::new(answer))
}

#[async_trait]
impl rule_set_server::RuleSet for Gopher {
    async fn get_name(&self, _: Request<get_name::Request>) -> Result<Response<get_name::Response>, Status> {
        answer(get_name::Response { name: "gopher".into() })
    }

    async fn get_version(
        &self,
        _: Request<get_version::Request>,
    ) -> Result<Response<get_version::Response>, Status> {
        answer(get_version::Response { version: "0.1.0".into() })
    }

    async fn get_version_constraint(
        &self,
        _: Request<get_version_constraint::Request>,
    ) -> Result<Response<get_version_constraint::Response>, Status> {
        answer(get_version_constraint::Response { constraint: ">= 0.46".into() })
    }

    async fn get_sdk_version(
        &self,
        _: Request<get_sdk_version::Request>,
    ) -> Result<Response<get_sdk_version::Response>, Status> {
        answer(get_sdk_version::Response { version: "0.25.0".into() })
    }

    async fn get_rule_names(
        &self,
        _: Request<get_rule_names::Request>,
    ) -> Result<Response<get_rule_names::Response>, Status> {
        answer(get_rule_names::Response { names: vec![RULE.into()] })
    }

    async fn get_config_schema(
        &self,
        _: Request<get_config_schema::Request>,
    ) -> Result<Response<get_config_schema::Response>, Status> {
        answer(get_config_schema::Response { schema: Some(attribute("animal")) })
    }

    async fn apply_global_config(
        &self,
        request: Request<apply_global_config::Request>,
    ) -> Result<Response<apply_global_config::Response>, Status> {
        let config = request.into_inner().config.unwrap_or_default();
        let enabled = match (&config.only[..], config.rules.get(RULE)) {
            ([], Some(rule)) => rule.enabled,
            ([], None) => !config.disabled_by_default,
            (only, _) => only.iter().any(|rule| rule == RULE),
        };
        self.change(|settings| settings.enabled = enabled);
        answer(apply_global_config::Response {})
    }

    async fn apply_config(
        &self,
        request: Request<apply_config::Request>,
    ) -> Result<Response<apply_config::Response>, Status> {
        let content = request.into_inner().content.unwrap_or_default();
        if let Some(expression) =
            content.attributes.get("animal").and_then(|animal| animal.expression.as_ref())
        {
            let written = String::from_utf8_lossy(&expression.bytes);
            self.change(|settings| settings.animal = written.trim().trim_matches('"').to_owned());
        }
        answer(apply_config::Response {})
    }

    async fn check(&self, request: Request<check::Request>) -> Result<Response<check::Response>, Status> {
        let settings = self.settings();
        if settings.enabled {
            let runner = RunnerClient::new(self.broker.dial(request.into_inner().runner).await?);
            inspect(runner, &settings.animal).await?;
        }
        answer(check::Response {})
    }
}

/// Asks the host for the names of all resources, has it evaluate them, and tells it what it finds.
async fn inspect(mut runner: RunnerClient<GrpcChannel>, animal: &str) -> Result<(), Status> {
    let resources = body_schema::Block {
        r#type: "resource".into(),
        label_names: vec!["type".into(), "name".into()],
        body: Some(attribute("name")),
    };
    let schema = BodySchema { attributes: Vec::new(), blocks: vec![resources] };
    let option = Some(get_module_content::Option::default());
    let request = get_module_content::Request { schema: Some(schema), option };
    let content = runner.get_module_content(request).await?.into_inner().content.unwrap_or_default();
    for resource in content.blocks {
        let Some(body_content::Attribute { range, expression, .. }) =
            resource.body.and_then(|mut body| body.attributes.remove("name"))
        else {
            continue;
        };
        let option = evaluate_expr::Option { r#type: br#""string""#.into(), ..Default::default() };
        let request = evaluate_expr::Request { option: Some(option), expression };
        let value = runner.evaluate_expr(request).await?.into_inner().value;
        let value = rmpv::decode::read_value(&mut &value[..]).map_err(|e| Status::internal(e.to_string()))?;
        let name = value.as_str().unwrap_or_default();
        if name.contains(animal) {
            let rule = emit_issue::Rule {
                name: RULE.into(),
                enabled: true,
                severity: emit_issue::Severity::Warning.into(),
                link: "https://go.dev/blog/gopher".into(),
            };
            let message = format!("{} has the name of a {animal}: {name}", resource.labels.join("."));
            runner
                .emit_issue(emit_issue::Request { rule: Some(rule), message, range, fixable: false })
                .await?;
        }
    }
    Ok(())
}

/// One attribute, which may be missing.
fn attribute(name: &str) -> BodySchema {
    let attribute = body_schema::Attribute { name: name.into(), required: false };
    BodySchema { attributes: vec![attribute], blocks: Vec::new() }
}

#[tokio::main]
async fn main() -> Result<()> {
    serve(HANDSHAKE).plugin(NAME, GopherPlugin).await
}
