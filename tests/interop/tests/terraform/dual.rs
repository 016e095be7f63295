//! A provider of ours on the plugin SDK 1.17.2 and go-plugin 1.3.0, which also speaks gRPC, in its version 4.

use std::sync::{Arc, Mutex, PoisonError};

use go_plugin::{Fault, Result};
use interop_tests::{go_program, within};

use crate::{
    config, info, map,
    provider::{
        BasicError, ConfigValue, CtyType, InputOpts, InputReply, ProviderSchemaRequest, ResourceProvider,
        UiInput,
    },
    start, strings, terraform_legacy, text,
};

/// Keeps the questions and gives one answer.
struct Answers {
    with: InputReply,
    questions: Arc<Mutex<Vec<InputOpts>>>,
}

#[go_plugin::interface]
impl UiInput for Answers {
    async fn input(&self, question: &InputOpts) -> Result<InputReply> {
        self.questions.lock().unwrap_or_else(PoisonError::into_inner).push(question.clone());
        Ok(self.with.clone())
    }
}

/// What the provider asks when it gets no configuration, and the reply it makes of the answer.
async fn ask(
    provider: &dyn ResourceProvider,
    with: InputReply,
) -> (Vec<InputOpts>, Result<Option<crate::provider::ResourceConfig>>) {
    let questions = Arc::new(Mutex::new(Vec::new()));
    let input = Arc::new(Answers { with, questions: Arc::clone(&questions) });
    let reply = within("the questions", provider.input(input, &config([]))).await.unwrap();
    let questions = questions.lock().unwrap_or_else(PoisonError::into_inner).clone();
    (questions, reply.into_result())
}

#[tokio::test]
async fn the_provider_asks_its_host_for_what_its_configuration_lacks() {
    let (client, provider, _) = start(&go_program("tfdual")).await;
    let question = InputOpts {
        id: "token".into(),
        query: "token".into(),
        description: "the token".into(),
        default: String::new(),
    };
    let (asked, config) = ask(&*provider, InputReply { value: "tk".into(), error: None }).await;
    assert_eq!(asked, std::slice::from_ref(&question));
    let config = config.unwrap().unwrap();
    assert_eq!(config.config["token"], Some(text("tk")));
    provider.configure(&config).await.unwrap().into_result().unwrap();

    // A failed answer comes back as the provider's failure, and the next question is asked all the same.
    let refusal = BasicError { message: "nobody is there".into() };
    let (asked, failed) = ask(&*provider, InputReply { value: String::new(), error: Some(refusal) }).await;
    assert_eq!(asked, std::slice::from_ref(&question));
    assert_eq!(failed.unwrap_err().to_string(), "token: nobody is there");
    let (asked, _) = ask(&*provider, InputReply { value: "tk".into(), error: None }).await;
    assert_eq!(asked, [question]);
    within("the kill", client.kill()).await.unwrap();
}

#[tokio::test]
async fn types_of_every_kind_are_read_from_the_schema() {
    let (client, provider, _) = start(&go_program("tfdual")).await;
    let request =
        ProviderSchemaRequest { resource_types: vec!["scratch_thing".into()], data_sources: Vec::new() };
    let schema = provider.get_schema(&request).await.unwrap().into_result().unwrap().unwrap();
    let token = &schema.provider.unwrap().attributes["token"];
    assert!(token.required && token.ty == CtyType::String, "{token:?}");
    let thing = &schema.resource_types["scratch_thing"];
    let types: Vec<_> =
        thing.attributes.iter().map(|(name, attribute)| format!("{name} {}", attribute.ty)).collect();
    let expected = [
        "b bool",
        "f number",
        "id string",
        "l list(string)",
        "m map(string)",
        "n number",
        "name string",
        "out string",
    ];
    assert_eq!(types, expected);
    let nested = &thing.block_types["block"].block.attributes["k"];
    assert!(nested.required && nested.ty == CtyType::String, "{nested:?}");
    within("the kill", client.kill()).await.unwrap();
}

#[tokio::test]
async fn values_of_every_kind_reach_a_resource() {
    let (client, provider, _) = start(&go_program("tfdual")).await;
    let token = config([("token", text("tk"))]);
    provider.configure(&token).await.unwrap().into_result().unwrap();
    let info = info("scratch_thing");
    let list = ConfigValue::List(vec![Some(text("a")), Some(text("b"))]);
    let wanted = config([
        ("name", text("x")),
        ("f", ConfigValue::Float(1.5)),
        ("b", ConfigValue::Bool(true)),
        ("l", list),
        ("m", ConfigValue::Map(map([("k", text("v"))]))),
        ("block", ConfigValue::Blocks(vec![map([("k", text("1"))])])),
    ]);
    assert_eq!(provider.validate_resource(&wanted, "scratch_thing").await.unwrap().errors, []);
    let diff = provider.diff(&info, None, &wanted).await.unwrap().into_result().unwrap().unwrap();
    let state = provider.apply(&info, None, &diff).await.unwrap().into_result().unwrap().unwrap();
    assert_eq!(state.id, "id-x");
    let mut attributes = state.attributes.unwrap();
    // The key of an element of a set is a hash.
    attributes.retain(|name, _| !name.starts_with("block."));
    let expected = strings(&[
        ("b", "true"),
        ("f", "1.5"),
        ("id", "id-x"),
        ("l.#", "2"),
        ("l.0", "a"),
        ("l.1", "b"),
        ("m.%", "1"),
        ("m.k", "v"),
        ("n", "3"),
        ("name", "x"),
        ("out", "tk/3/map[k:v]"),
    ]);
    assert_eq!(attributes, expected);

    let imported = provider.import_state(&info, "from-elsewhere").await.unwrap().into_result().unwrap();
    let found: Vec<_> =
        imported.iter().map(|state| (state.id.as_str(), state.ephemeral.kind.as_str())).collect();
    assert_eq!(found, [("from-elsewhere", "scratch_thing")]);
    within("the kill", client.kill()).await.unwrap();
}

#[tokio::test]
async fn refusals_have_the_provider_s_text() {
    let (client, provider, _) = start(&go_program("tfdual")).await;
    let bad = provider.configure(&config([("token", text("bad"))])).await.unwrap();
    assert_eq!(bad.into_result().unwrap_err().to_string(), "token rejected");
    let good = provider.configure(&config([("token", text("tk"))])).await.unwrap();
    good.into_result().unwrap();
    let (info, wanted) = (info("scratch_thing"), config([("name", text("fail"))]));
    let diff = provider.diff(&info, None, &wanted).await.unwrap().into_result().unwrap().unwrap();
    let refused = provider.apply(&info, None, &diff).await.unwrap();
    assert_eq!(refused.into_result().unwrap_err().to_string(), "create refused for tk");
    within("the kill", client.kill()).await.unwrap();
}

#[tokio::test]
async fn a_provider_that_panics_is_disconnected() {
    let (client, provider, stderr) = start(&go_program("tfdual")).await;
    let unchecked = config([("n", text("many"))]);
    let error = within("the error", provider.diff(&info("scratch_thing"), None, &unchecked)).await;
    let error = error.unwrap_err();
    assert_eq!(error.fault(), Fault::Disconnected, "{error:?}");
    stderr.contains("panic: ").await;
    assert_eq!(within("the exit", client.exited()).await.and_then(|status| status.code()), Some(2));
    within("the kill", client.kill()).await.unwrap();
}

#[tokio::test]
async fn the_example_answers_the_provider_from_its_standard_input() {
    let dual = go_program("tfdual");
    let apply = |name: &str| ["apply", "scratch_thing", name].map(str::to_owned);
    for (config, code, stdout, stderr) in [
        (r#"{"name": "x", "m": {"k": "v"}}"#, 0, "out = tk/3/map[k:v]\n", ""),
        (r#"{"name": "fail"}"#, 1, "", "Error: create refused for tk\n"),
        (r#"{"n": 1}"#, 1, "", "Error: \"name\": required field is not set\n"),
        ("[]", 1, "", "Error: [] is no configuration in JSON: not an object\n"),
    ] {
        let args = apply(config);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let ran = terraform_legacy(&dual, &args, "tk\n").await;
        assert_eq!(ran.code, Some(code), "{config}: {}", ran.stderr_text());
        assert!(ran.stdout_text().ends_with(stdout), "{config}: {}", ran.stdout_text());
        assert!(ran.stderr_text().ends_with(stderr), "{config}: {}", ran.stderr_text());
    }
    let ran =
        terraform_legacy(&dual, &["--provider", r#"{"token": "bad"}"#, "plan", "scratch_thing", "{}"], "");
    let ran = ran.await;
    assert_eq!((ran.code, ran.stderr_text().as_str()), (Some(1), "Error: token rejected\n"));
}
