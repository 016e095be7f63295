//! Argo Rollouts 1.8.5 (go-plugin 1.6.3) over net/rpc: its step plugin in our host, our plugin under its controller.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

use std::{collections::BTreeMap, path::PathBuf, process::Command, sync::Arc};

use go_plugin::{Client, Protocol, serde_gob::Time};
use interop_tests::{
    argo::{
        CanaryStatus, Context, HANDSHAKE, NAME, ObjectMeta, Response, Rollout, RolloutStatus, RpcError, Step,
        StepPlugin, StepPluginPlugin, StepPluginStatus, args,
    },
    go_program, pinned, run, within,
};

fn sample() -> PathBuf {
    pinned("argostep", "github.com/argoproj/argo-rollouts/test/cmd/step-plugin-sample")
}

async fn start() -> (Client, Arc<dyn StepPlugin>) {
    let mut command = Command::new(sample());
    command.args(["--seed", "42"]);
    let builder = Client::builder(HANDSHAKE).plugin(NAME, StepPluginPlugin::client()).command(command);
    let client = within("the plugin to start", builder.start()).await.unwrap();
    assert_eq!(client.protocol(), Protocol::NetRpc);
    let plugin = within("the plugin", client.dispense::<StepPluginPlugin>(NAME)).await.unwrap();
    assert_eq!(within("its start", plugin.init_plugin()).await.unwrap(), RpcError::default());
    (client, plugin)
}

/// A step after another of the same plugin.
fn step(config: &str, status: &str) -> Step {
    let at = Time::from_unix(1_700_000_000, 0).unwrap();
    let earlier = StepPluginStatus {
        index: 0,
        name: "p".into(),
        phase: "Successful".into(),
        started_at: Some(at),
        status: br#"{"Id":"x1","Value":"7"}"#.to_vec().into(),
    };
    Step {
        rollout: Rollout {
            object_meta: ObjectMeta {
                name: "guestbook".into(),
                namespace: "ns".into(),
                labels: BTreeMap::from([("a".into(), "b".into())]),
                creation_timestamp: at,
            },
            status: RolloutStatus {
                current_step_index: Some(1),
                canary: CanaryStatus { step_plugin_statuses: vec![earlier] },
            },
        },
        context: Context {
            plugin_name: "p".into(),
            config: config.as_bytes().to_vec().into(),
            status: status.as_bytes().to_vec().into(),
        },
    }
}

/// The texts in the JSON of an answer.
fn status(response: &Response) -> BTreeMap<String, String> {
    serde_json::from_slice(&response.result.status).unwrap()
}

#[tokio::test]
async fn the_step_plugin_runs_in_our_host() {
    let (client, plugin) = start().await;
    assert_eq!(plugin.kind().await.unwrap(), "plugin-example");

    let response =
        plugin.terminate(&step("", r#"{"Id":"x1"}"#).to_any(args::TERMINATE).unwrap()).await.unwrap();
    assert_eq!(response.error, RpcError::default());
    assert_eq!((&*response.result.phase, &*response.result.message), ("Successful", "Operation completed"));
    let expected =
        [("Id", "x1"), ("SharedId", ""), ("Value", "0")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    assert_eq!(status(&response), BTreeMap::from(expected));

    let done = step("", r#"{"Id":"x1","Value":"3"}"#).to_any(args::ABORT).unwrap();
    assert_eq!(status(&plugin.abort(&done).await.unwrap())["Value"], "3");

    // The first random numbers of the seed. Each aggregate adds to what the steps before it, found in the rollout, have.
    for value in ["5", "92"] {
        let aggregate = step(r#"{"Aggregate":true}"#, "").to_any(args::RUN).unwrap();
        let response = within("the step", plugin.run(&aggregate)).await.unwrap();
        assert_eq!(response.result.phase, "Successful");
        let status = status(&response);
        assert_eq!((&*status["SharedId"], &*status["Value"]), ("x1", value));
    }

    let response = plugin.run(&step(r#"{"Async":true}"#, "").to_any(args::RUN).unwrap()).await.unwrap();
    assert_eq!((&*response.result.phase, response.result.requeue_after), ("Running", 15_000_000_000));
    let again = String::from_utf8(response.result.status.0).unwrap();
    let response = plugin.run(&step(r#"{"Async":true}"#, &again).to_any(args::RUN).unwrap()).await.unwrap();
    assert_eq!((&*response.result.phase, response.result.status.0), ("Running", again.into_bytes()));

    let response = plugin.run(&step("{bad", "").to_any(args::RUN).unwrap()).await.unwrap();
    let text = "could not unmarshal config: invalid character 'b' looking for beginning of object key string";
    assert_eq!(response.error.error_string, text);

    // The name says which method's argument it is.
    let error = plugin.run(&step("", "").to_any(args::ABORT).unwrap()).await.unwrap_err();
    assert!(error.is_remote() && error.to_string().starts_with("invalid args "), "{error:?}");
    assert_eq!(plugin.kind().await.unwrap(), "plugin-example");
    within("the kill", client.kill()).await.unwrap();
}

#[tokio::test]
async fn a_step_index_that_gob_does_not_send_ends_the_plugin() {
    let (client, plugin) = start().await;
    let mut first = step(r#"{"Aggregate":true}"#, "");
    // Go reads the index through a pointer, and a pointer to 0 arrives as nil.
    first.rollout.status.current_step_index = Some(0);
    let error = within("the error", plugin.run(&first.to_any(args::RUN).unwrap())).await.unwrap_err();
    assert!(error.is_disconnected(), "{error:?}");
    assert_eq!(within("the exit", client.exited()).await.and_then(|status| status.code()), Some(2));
    within("the kill", client.kill()).await.unwrap();
}

/// What Argo's controller gets from the plugin with this command.
async fn controller(command: &[&str], commands: &str) -> String {
    let mut host = tokio::process::Command::new(go_program("argostep"));
    host.args(command);
    let ran = run(host, commands.as_bytes()).await;
    assert_eq!(ran.code, Some(0), "{command:?}: {}", ran.stderr_text());
    ran.stdout_text()
}

const RELAY: &str = env!("CARGO_BIN_EXE_rust-argo-relay");

#[tokio::test]
async fn the_controller_runs_steps_through_a_plugin_of_ours() {
    let sample = sample();
    let command = [RELAY, sample.to_str().unwrap(), "--seed", "42"];
    let commands = "init\ntype\nterminate {\"Id\":\"x1\"}\nabort {\"Id\":\"x1\",\"Value\":\"3\"}\n\
        run {\"Aggregate\":true}\nrun {\"Async\":true}\nrun {bad\n";
    let output = controller(&command, commands).await;
    let lines: Vec<&str> = output.lines().collect();
    let read = r#"(ns/guestbook {"a": "b"}, step 1 of p, after p Successful 2023-11-14T22:13:20.123456789Z)"#;
    let done = |value: &str| {
        format!(r#"Successful 0s {{"Id":"x1","SharedId":"","Value":"{value}"}} Operation completed {read}"#)
    };
    assert_eq!(lines[..4], ["", "plugin-example", &*done("0"), &*done("3")]);
    let value = format!(r#","SharedId":"x1","Value":"5"}} Operation completed {read}"#);
    assert!(lines[4].ends_with(&value), "{}", lines[4]);
    assert!(lines[5].starts_with("Running 15s {") && lines[5].ends_with(read), "{}", lines[5]);
    let text =
        "error could not unmarshal config: invalid character 'b' looking for beginning of object key string";
    assert_eq!(lines[6..], [text]);
}

#[tokio::test]
async fn what_our_plugin_does_not_know_is_passed_on_untouched() {
    let echo = go_program("argostep");
    let echo = [echo.to_str().unwrap(), "-plugin"];
    for command in ["run", "terminate", "abort"] {
        let command = format!("{command} {{\"a\": [1, 2]}}");
        let direct = controller(&echo, &command).await;
        assert!(direct.len() > 15_000, "{direct}");
        let relayed = controller(&[&[RELAY], &echo[..]].concat(), &command).await;
        let (relayed, read) = relayed.split_once("}  (ns/guestbook ").unwrap();
        assert!(read.ends_with(")\n"), "{read}");
        assert_eq!(format!("{relayed}}} \n"), direct);
    }
}
