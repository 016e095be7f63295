//! The provider `null` 1.0.0, on Terraform 0.11.14 and the go-plugin of January 2018.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use go_plugin::Result;
use interop_tests::{go_program, within};

use crate::{
    config, info, map,
    provider::{
        Attribute, Block, ConfigValue, CtyType, DataSource, DiffKind, Findings, InputOpts, InputReply,
        ProviderSchemaRequest, ResourceAttrDiff, ResourceProvider, ResourceType, UiInput,
    },
    start, strings, terraform_legacy, text,
};

/// Whether it was asked.
struct Asked(Arc<AtomicBool>);

#[go_plugin::interface]
impl UiInput for Asked {
    async fn input(&self, _: &InputOpts) -> Result<InputReply> {
        self.0.store(true, Ordering::SeqCst);
        Ok(InputReply::default())
    }
}

fn triggers() -> ConfigValue {
    ConfigValue::Map(map([("k", text("v1")), ("n", ConfigValue::Int(7))]))
}

#[tokio::test]
async fn all_methods_of_the_null_provider_answer() {
    let (client, provider, stderr) = start(&go_program("tfnull")).await;
    within("all methods", drive(&*provider)).await;
    client.ping().await.unwrap();
    within("the kill", client.kill()).await.unwrap();
    assert!(!stderr.text().contains("panic"), "{}", stderr.text());
}

async fn drive(provider: &dyn ResourceProvider) {
    describes(provider).await;
    checks(provider).await;
    manages(provider).await;
    reads(provider).await;
    let error = provider.import_state(&info("null_resource"), "abc").await.unwrap().into_result();
    assert_eq!(error.unwrap_err().to_string(), "resource null_resource doesn't support import");
    provider.stop().await.unwrap().into_result().unwrap();
}

async fn describes(provider: &dyn ResourceProvider) {
    let resource = ResourceType { name: "null_resource".into(), importable: false, schema_available: true };
    assert_eq!(provider.resources().await.unwrap(), [resource]);
    let source = DataSource { name: "null_data_source".into(), schema_available: true };
    assert_eq!(provider.data_sources().await.unwrap(), [source]);

    let request = ProviderSchemaRequest {
        resource_types: vec!["null_resource".into()],
        data_sources: vec!["null_data_source".into()],
    };
    let schema = provider.get_schema(&request).await.unwrap().into_result().unwrap().unwrap();
    assert_eq!(schema.provider, Some(Block::default()));
    let of_strings = || CtyType::Map(Box::new(CtyType::String));
    let optional = |ty| Attribute { ty, optional: true, ..Attribute::default() };
    let computed = |ty| Attribute { ty, computed: true, ..Attribute::default() };
    let block = |attributes: Vec<(&str, Attribute)>| {
        let attributes = attributes.into_iter().map(|(name, attribute)| (name.to_owned(), attribute));
        Block { attributes: attributes.collect(), block_types: BTreeMap::new() }
    };
    let resource = block(vec![("triggers", optional(of_strings()))]);
    assert_eq!(schema.resource_types, BTreeMap::from([("null_resource".to_owned(), resource)]));
    let source = block(vec![
        ("inputs", optional(of_strings())),
        ("outputs", computed(of_strings())),
        ("random", computed(CtyType::String)),
        ("has_computed_default", Attribute { computed: true, ..optional(CtyType::String) }),
    ]);
    assert_eq!(schema.data_sources, BTreeMap::from([("null_data_source".to_owned(), source)]));
}

async fn checks(provider: &dyn ResourceProvider) {
    let nothing = config([]);
    assert_eq!(provider.validate(&nothing).await.unwrap(), Findings::default());
    let errors = |findings: Findings| -> Vec<String> {
        assert_eq!(findings.warnings, [""; 0]);
        findings.errors.into_iter().map(|error| error.message).collect()
    };
    let bogus = config([("bogus", text("x"))]);
    let found = provider.validate_resource(&bogus, "null_resource").await.unwrap();
    assert_eq!(errors(found), [": invalid or unknown key: bogus"]);
    let found = provider.validate_resource(&nothing, "nope").await.unwrap();
    assert_eq!(errors(found), ["Provider doesn't support resource: nope"]);
    let found = provider.validate_data_source(&bogus, "null_data_source").await.unwrap();
    assert_eq!(errors(found), [": invalid or unknown key: bogus"]);
    let good = config([("triggers", triggers())]);
    assert_eq!(provider.validate_resource(&good, "null_resource").await.unwrap(), Findings::default());

    // Its configuration is empty: there is nothing to ask for.
    let asked = Arc::new(AtomicBool::new(false));
    let reply = provider.input(Arc::new(Asked(Arc::clone(&asked))), &nothing).await.unwrap();
    assert_eq!(reply.into_result().unwrap().unwrap_or_default(), nothing);
    assert!(!asked.load(Ordering::SeqCst));
    provider.configure(&nothing).await.unwrap().into_result().unwrap();
}

async fn manages(provider: &dyn ResourceProvider) {
    let info = info("null_resource");
    let wanted = config([("triggers", triggers())]);
    let diff = provider.diff(&info, None, &wanted).await.unwrap().into_result().unwrap().unwrap();
    let set = |old: &str, new: &str| ResourceAttrDiff {
        old: old.to_owned(),
        new: new.to_owned(),
        requires_new: true,
        kind: DiffKind::Unknown,
        ..ResourceAttrDiff::default()
    };
    let changes =
        [("triggers.%", set("0", "2")), ("triggers.k", set("", "v1")), ("triggers.n", set("", "7"))];
    let changes = changes.map(|(name, change)| (name.to_owned(), change));
    assert_eq!(diff.attributes, Some(BTreeMap::from(changes)));

    let state = provider.apply(&info, None, &diff).await.unwrap().into_result().unwrap().unwrap();
    assert!(state.id.parse::<u64>().is_ok(), "{state:?}");
    let attributes =
        [("id", state.id.as_str()), ("triggers.%", "2"), ("triggers.k", "v1"), ("triggers.n", "7")];
    assert_eq!(state.attributes, Some(strings(&attributes)));

    let again = provider.refresh(&info, &state).await.unwrap().into_result().unwrap().unwrap();
    assert_eq!(again, state);
    // What is as wanted needs no change.
    let none = provider.diff(&info, Some(state.clone()), &wanted).await.unwrap().into_result().unwrap();
    assert_eq!(none.and_then(|diff| diff.attributes).unwrap_or_default(), BTreeMap::new());
    let other = config([("triggers", ConfigValue::Map(map([("k", text("v2"))])))]);
    let diff = provider.diff(&info, Some(state), &other).await.unwrap().into_result().unwrap().unwrap();
    let changes = diff.attributes.unwrap();
    assert_eq!((changes["triggers.k"].old.as_str(), changes["triggers.k"].new.as_str()), ("v1", "v2"));
    assert!(changes["triggers.n"].new_removed, "{changes:?}");
}

async fn reads(provider: &dyn ResourceProvider) {
    let info = info("null_data_source");
    let inputs = ConfigValue::Map(map([("x", text("hello"))]));
    let diff = provider.read_data_diff(&info, &config([("inputs", inputs)])).await.unwrap();
    let diff = diff.into_result().unwrap().unwrap();
    let changes = diff.attributes.as_ref().unwrap();
    assert_eq!(changes["inputs.x"].new, "hello");
    assert!(changes["random"].new_computed && changes["outputs.%"].new_computed, "{changes:?}");

    let state = provider.read_data_apply(&info, &diff).await.unwrap().into_result().unwrap().unwrap();
    assert_eq!(state.id, "static");
    let mut attributes = state.attributes.unwrap();
    let random = attributes.remove("random").unwrap();
    assert!(random.parse::<u64>().is_ok(), "{random}");
    let expected = [
        ("has_computed_default", "default"),
        ("id", "static"),
        ("inputs.%", "1"),
        ("inputs.x", "hello"),
        ("outputs.%", "1"),
        ("outputs.x", "hello"),
    ];
    assert_eq!(attributes, strings(&expected));
}

#[tokio::test]
async fn the_example_describes_plans_and_applies() {
    let null = go_program("tfnull");
    let ran = terraform_legacy(&null, &[], "").await;
    let expected = "provider\n\
        resource null_resource\n\
        \x20 triggers: map(string), optional\n\
        data null_data_source\n\
        \x20 has_computed_default: string, optional, computed\n\
        \x20 inputs: map(string), optional\n\
        \x20 outputs: map(string), computed\n\
        \x20 random: string, computed\n";
    assert_eq!((ran.code, ran.stdout_text().as_str()), (Some(0), expected), "{}", ran.stderr_text());

    let ran = terraform_legacy(&null, &["validate", "null_resource", r#"{"bogus": 1}"#], "").await;
    let error = "Error: : invalid or unknown key: bogus\n";
    assert_eq!((ran.code, ran.stderr_text().as_str()), (Some(1), error));

    let config = r#"{"triggers": {"k": "v1", "n": 7}}"#;
    let ran = terraform_legacy(&null, &["plan", "null_resource", config], "").await;
    let plan = "+ triggers.% = 2\n+ triggers.k = v1\n+ triggers.n = 7\n";
    assert_eq!((ran.code, ran.stdout_text().as_str()), (Some(0), plan), "{}", ran.stderr_text());

    let ran = terraform_legacy(&null, &["apply", "null_resource", config], "").await;
    let output = ran.stdout_text();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr_text());
    assert!(output.starts_with("id = ") && output.ends_with("triggers.n = 7\n"), "{output}");
}
