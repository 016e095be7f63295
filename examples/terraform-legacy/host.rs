//! Drives a Terraform provider from before version 0.12, as Terraform 0.11 did:
//!
//! - `terraform-legacy PROVIDER_CMD`: its resources and data sources, and their schemas
//! - `terraform-legacy PROVIDER_CMD validate TYPE CONFIG`: checks the configuration, in JSON, of a resource of a type
//! - `terraform-legacy PROVIDER_CMD plan TYPE CONFIG`: says what creating it would set
//! - `terraform-legacy PROVIDER_CMD apply TYPE CONFIG`: creates it and prints its state
//!
//! `--provider CONFIG` before the command is the provider's own configuration. What is missing there the provider asks
//! for: the questions go to standard error, the answers come from standard input.
#![allow(clippy::print_stdout, clippy::print_stderr)] // what a command-line program is for

#[allow(dead_code, unused_imports, reason = "the whole interface, of which this program needs a part")]
mod provider;

use std::{
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
};

use go_plugin::{Client, Error, PluginCommand, Result};
use provider::{
    Attribute, Block, ConfigValue, Findings, HANDSHAKE, InputOpts, InputReply, InstanceDiff, InstanceInfo,
    InstanceState, NAME, ProviderSchemaRequest, ResourceConfig, ResourceProvider, ResourceProviderPlugin,
    UiInput,
};

const USAGE: &str = "usage: terraform-legacy PROVIDER_CMD [--provider CONFIG] [validate TYPE CONFIG | plan TYPE CONFIG | apply TYPE CONFIG]";

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut own = "{}";
    if let [_, "--provider", config, ..] = args[..] {
        own = config;
        args.drain(1..3);
    }
    let (provider, action) = match args[..] {
        [provider] => (provider, Action::Describe),
        [provider, "validate", kind, config] => (provider, Action::Validate { kind, config }),
        [provider, "plan", kind, config] => (provider, Action::Plan { kind, config }),
        [provider, "apply", kind, config] => (provider, Action::Apply { kind, config }),
        _ => return fail(&USAGE),
    };
    match run(provider, own, action).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn fail(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("Error: {error}");
    ExitCode::FAILURE
}

enum Action<'a> {
    Describe,
    Validate { kind: &'a str, config: &'a str },
    Plan { kind: &'a str, config: &'a str },
    Apply { kind: &'a str, config: &'a str },
}

async fn run(provider: &str, own: &str, action: Action<'_>) -> Result<()> {
    let client = Client::builder(HANDSHAKE)
        .plugin(NAME, ResourceProviderPlugin::client())
        .command(PluginCommand::shell(provider))
        .start()
        .await?;
    let done = act(&client, own, action).await;
    client.kill().await?;
    done
}

async fn act(client: &Client, own: &str, action: Action<'_>) -> Result<()> {
    let provider = client.dispense::<ResourceProviderPlugin>(NAME).await?;
    match action {
        Action::Describe => describe(&*provider).await,
        Action::Validate { kind, config } => {
            let config = parse(config)?;
            report(&provider.validate_resource(&config, kind).await?)
        }
        Action::Plan { kind, config } => {
            match plan(&*provider, own, kind, config).await? {
                Some(diff) => print_diff(&diff),
                None => println!("nothing to do"),
            }
            Ok(())
        }
        Action::Apply { kind, config } => {
            let Some(diff) = plan(&*provider, own, kind, config).await? else {
                println!("nothing to do");
                return Ok(());
            };
            match provider.apply(&info(kind), None, &diff).await?.into_result()? {
                Some(state) => print_state(&state),
                None => println!("gone"),
            }
            Ok(())
        }
    }
}

async fn describe(provider: &dyn ResourceProvider) -> Result<()> {
    let (resources, sources) = (provider.resources().await?, provider.data_sources().await?);
    let request = ProviderSchemaRequest {
        resource_types: resources.iter().map(|resource| resource.name.clone()).collect(),
        data_sources: sources.iter().map(|source| source.name.clone()).collect(),
    };
    let schema = provider.get_schema(&request).await?.into_result()?.unwrap_or_default();
    println!("provider");
    print_block(&schema.provider.unwrap_or_default(), 1);
    for resource in &resources {
        println!("resource {}{}", resource.name, if resource.importable { " (importable)" } else { "" });
        if let Some(block) = schema.resource_types.get(&resource.name) {
            print_block(block, 1);
        }
    }
    for source in &sources {
        println!("data {}", source.name);
        if let Some(block) = schema.data_sources.get(&source.name) {
            print_block(block, 1);
        }
    }
    Ok(())
}

fn print_block(block: &Block, depth: usize) {
    let indent = "  ".repeat(depth);
    for (name, attribute) in &block.attributes {
        println!("{indent}{name}: {}{}", attribute.ty, notes(attribute));
    }
    for (name, nested) in &block.block_types {
        println!("{indent}{name}: blocks");
        print_block(&nested.block, depth + 1);
    }
}

fn notes(attribute: &Attribute) -> String {
    let notes = [
        (attribute.required, ", required"),
        (attribute.optional, ", optional"),
        (attribute.computed, ", computed"),
        (attribute.sensitive, ", sensitive"),
    ];
    notes.into_iter().filter(|(is, _)| *is).map(|(_, note)| note).collect()
}

/// What creating the resource will do. Providers panic on configurations that they would not have called valid, so that
/// comes first.
async fn plan(
    provider: &dyn ResourceProvider,
    own: &str,
    kind: &str,
    config: &str,
) -> Result<Option<InstanceDiff>> {
    let config = parse(config)?;
    configure(provider, own).await?;
    report(&provider.validate_resource(&config, kind).await?)?;
    provider.diff(&info(kind), None, &config).await?.into_result()
}

/// Has the provider ask for what its configuration lacks, checks that and hands it over.
async fn configure(provider: &dyn ResourceProvider, own: &str) -> Result<()> {
    let asked = provider.input(Arc::new(Terminal::default()), &parse(own)?).await?;
    let config = asked.into_result()?.unwrap_or_default();
    report(&provider.validate(&config).await?)?;
    provider.configure(&config).await?.into_result()
}

/// Asks whoever sits there, one question at a time.
#[derive(Default)]
struct Terminal(Arc<Mutex<()>>);

#[go_plugin::interface]
impl UiInput for Terminal {
    async fn input(&self, question: &InputOpts) -> Result<InputReply> {
        let (question, terminal) = (question.clone(), Arc::clone(&self.0));
        let ask = move || {
            let _one_at_a_time = terminal.lock().unwrap_or_else(PoisonError::into_inner);
            eprintln!("{}: {} {}", question.id, question.query, question.description);
            let mut line = String::new();
            std::io::stdin().read_line(&mut line)?;
            let answer = line.trim_end();
            let value = if answer.is_empty() { question.default } else { answer.to_owned() };
            Ok(InputReply { value, error: None })
        };
        tokio::task::spawn_blocking(ask).await.map_err(Error::msg)?
    }
}

fn report(findings: &Findings) -> Result<()> {
    for warning in &findings.warnings {
        eprintln!("Warning: {warning}");
    }
    if findings.errors.is_empty() {
        return Ok(());
    }
    let errors: Vec<_> = findings.errors.iter().map(|error| error.message.as_str()).collect();
    Err(Error::msg(errors.join("\n")))
}

fn print_diff(diff: &InstanceDiff) {
    for (name, change) in diff.attributes.iter().flatten() {
        let new = if change.new_computed { "(known after apply)" } else { &change.new };
        println!("+ {name} = {new}");
    }
}

fn print_state(state: &InstanceState) {
    println!("id = {}", state.id);
    for (name, value) in state.attributes.iter().flatten().filter(|(name, _)| *name != "id") {
        println!("{name} = {value}");
    }
}

fn info(kind: &str) -> InstanceInfo {
    InstanceInfo { id: format!("{kind}.example"), module_path: vec!["root".into()], kind: kind.into() }
}

fn parse(config: &str) -> Result<ResourceConfig> {
    let value: serde_json::Value = serde_json::from_str(config).map_err(|error| bad_config(config, error))?;
    match ConfigValue::from_json(value) {
        Some(ConfigValue::Map(config)) => Ok(ResourceConfig::new(config)),
        _ => Err(bad_config(config, "not an object")),
    }
}

fn bad_config(config: &str, why: impl std::fmt::Display) -> Error {
    Error::msg(format!("{config} is no configuration in JSON: {why}"))
}
