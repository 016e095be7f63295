//! httprunner/funplugin 0.5.5 (go-plugin v1.4.10) over net/rpc and gRPC: its plugin in our host, our plugin in its host.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

use std::{process::Command, sync::Arc};

use go_plugin::{
    Client, Protocol, Result,
    serde_gob::{Any, Type, Value},
};
use interop_tests::{
    functions::{FunctionCall, Functions, FunctionsPlugin, HANDSHAKE, MODE},
    go_program, pinned, run, within,
};

/// One host for both modes.
async fn start(mode: &str) -> (Client, Arc<dyn Functions>) {
    let mut command = Command::new(pinned("funhost", "github.com/httprunner/funplugin/fungo/examples"));
    command.env(MODE, mode);
    let builder = Client::builder(HANDSHAKE)
        .plugin("rpc", FunctionsPlugin::client())
        .plugin("grpc", FunctionsPlugin::client())
        .allowed_protocols([Protocol::NetRpc, Protocol::Grpc])
        .command(command);
    let client = within("the plugin to start", builder.start()).await.unwrap();
    let protocol = if mode == "rpc" { Protocol::NetRpc } else { Protocol::Grpc };
    assert_eq!(client.protocol(), protocol);
    let functions = within("the functions", client.dispense::<FunctionsPlugin>(mode)).await.unwrap();
    (client, functions)
}

async fn call(functions: &dyn Functions, name: &str, args: impl Into<Vec<Any>>) -> Result<Any> {
    let call = FunctionCall::Data { name: name.to_owned(), args: args.into() };
    within(name, functions.call(call)).await
}

/// Each is there twice: as it is registered, and without underscores.
const NAMES: [&str; 14] = [
    "concatenate",
    "setup_hook_example",
    "setuphookexample",
    "sum",
    "sum_ints",
    "sum_strings",
    "sum_two_int",
    "sum_two_string",
    "sumints",
    "sumstrings",
    "sumtwoint",
    "sumtwostring",
    "teardown_hook_example",
    "teardownhookexample",
];

#[tokio::test]
async fn a_plugin_of_funplugin_says_what_it_has() {
    for mode in ["rpc", "grpc"] {
        let (client, functions) = start(mode).await;
        let mut names = within("the names", functions.get_names()).await.unwrap();
        names.sort();
        names.dedup();
        assert_eq!(names, NAMES, "{mode}");
        within("the kill", client.kill()).await.unwrap();
    }
}
#[tokio::test]
async fn functions_of_funplugin_take_and_return_values_of_any_type() {
    let (client, functions) = start("rpc").await;
    let ints = |values: &[i64]| -> Vec<Any> { values.iter().copied().map(Any::int).collect() };
    let cases = [
        ("sum_two_int", ints(&[1, 2]), Any::int(3)),
        ("sum_two_int", ints(&[-3, 3]), Any::int(0)),
        ("sum_ints", ints(&[1, 2, 3, 4]), Any::int(10)),
        ("sum_ints", vec![Any::int(1), Any::from(2.0)], Any::int(3)),
        ("sum", vec![Any::int(1), Any::from(2.5), Any::int(3)], Any::from(6.5)),
        ("sum_two_string", vec![Any::from("a"), Any::from("b")], Any::from("ab")),
        (
            "concatenate",
            vec![Any::from("a"), Any::int(2), Any::from(true), Any::from(3.4)],
            Any::from("a2true3.4"),
        ),
        // Its nil is the zero value of the parameter, which is variadic.
        ("concatenate", vec![Any::NIL, Any::from("x")], Any::from("[]x")),
        ("setup_hook_example", vec![Any::from("login")], Any::from("step name: login, setup...")),
    ];
    for (name, args, expected) in cases {
        let got = call(&*functions, name, args.clone()).await;
        assert_eq!(got.unwrap(), expected, "{name} {args:?}");
    }
    within("the kill", client.kill()).await.unwrap();
}

#[tokio::test]
async fn failures_of_funplugin_s_functions_leave_the_rest_as_it_was() {
    let (client, functions) = start("rpc").await;
    let cases = [
        ("nope", vec![Any::int(1)], "function nope not found"),
        ("sum", vec![Any::from("x")], "unexpected type: string"),
        ("sum_two_int", vec![Any::int(1)], "function expect 2 arguments, but got 1"),
    ];
    for (name, args, expected) in cases {
        let error = call(&*functions, name, args).await.unwrap_err();
        assert!(error.is_remote(), "{error:?}");
        assert_eq!(error.to_string(), expected);
        assert_eq!(call(&*functions, "sum_two_int", [Any::int(1), Any::int(2)]).await.unwrap(), Any::int(3));
    }
    // The plugin does not know this type: the call fails before it reaches a function.
    let unheard_of = Any::new("main.UnheardOf", Type::int(), Value::Int(1));
    let error = call(&*functions, "sum", [unheard_of]).await.unwrap_err();
    assert!(error.to_string().contains(r#"name not registered for interface: "main.UnheardOf""#), "{error}");
    within("the kill", client.kill()).await.unwrap();
}

#[tokio::test]
async fn over_grpc_numbers_are_floats_and_failures_are_the_same() {
    let (client, functions) = start("grpc").await;
    let cases = [
        ("sum_two_int", vec![Any::int(1), Any::int(2)], Ok(Any::from(3.0))),
        ("sum_ints", vec![Any::int(1), Any::from(2.0), Any::int(3)], Ok(Any::from(6.0))),
        ("sum", vec![Any::int(1), Any::from(2.5), Any::int(3)], Ok(Any::from(6.5))),
        ("sum_two_string", vec![Any::from("a"), Any::from("b")], Ok(Any::from("ab"))),
        ("concatenate", vec![Any::from("a"), Any::int(2), Any::from(true)], Ok(Any::from("a2true"))),
        ("setup_hook_example", vec![Any::from("login")], Ok(Any::from("step name: login, setup..."))),
        ("nope", vec![Any::int(1)], Err("function nope not found")),
        ("sum", vec![Any::from("x")], Err("unexpected type: string")),
        ("sum_two_int", vec![Any::int(1)], Err("function expect 2 arguments, but got 1")),
    ];
    for (name, args, expected) in cases {
        let got = call(&*functions, name, args.clone()).await;
        if let Err(error) = &got {
            assert!(error.is_remote(), "{error:?}");
        }
        let got = got.map_err(|error| error.to_string());
        assert_eq!(got, expected.map_err(str::to_owned), "{name} {args:?}");
    }
    within("the kill", client.kill()).await.unwrap();
}

/// Has a host on funplugin call functions of ours, one a line, and compares its answers.
async fn our_plugin_answers(mode: &str, cases: &[(&str, &str)]) {
    let dir = tempfile::tempdir().unwrap();
    // The suffix is how it recognises a plugin that is a program.
    let plugin = dir.path().join("functions.bin");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_rust-functions"), &plugin).unwrap();
    let mut command = tokio::process::Command::new(go_program("funhost"));
    command.arg(&plugin).env(MODE, mode);
    let input: String = cases.iter().map(|(line, _)| format!("{line}\n")).collect();
    let ran = run(command, input.as_bytes()).await;
    let expected: String = cases.iter().map(|(_, answer)| format!("{answer}\n")).collect();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr_text());
    assert_eq!(ran.stdout_text(), format!("hashicorp-{mode}-go\n{expected}"), "{}", ran.stderr_text());
}

#[tokio::test]
async fn a_host_on_funplugin_calls_functions_of_ours() {
    let cases = [
        ("sum_two_int ?", "true"),
        ("nope ?", "false"),
        ("sum_two_int [1, 2]", "3 (int)"),
        ("sum_two_int [1]", "error argument 1 must be one integer"),
        (r#"repeat ["ab", 3]"#, "[ab ab ab] ([]string)"),
        (r#"repeat ["ab", 0]"#, "[] ([]string)"),
        ("echo [true]", "true (bool)"),
        ("echo [2.5]", "2.5 (float64)"),
        (r#"echo ["gopher"]"#, "gopher (string)"),
        ("nothing []", "<nil> (<nil>)"),
        (r#"fail ["it is closed"]"#, "error it is closed"),
        ("nope []", "error function nope not found"),
        ("sum_two_int [-1, 1]", "0 (int)"),
    ];
    our_plugin_answers("rpc", &cases).await;
}

#[tokio::test]
async fn a_host_on_funplugin_calls_functions_of_ours_over_grpc() {
    let cases = [
        ("sum_two_int ?", "true"),
        ("nope ?", "false"),
        ("sum_two_int [1, 2]", "3 (float64)"),
        ("sum_two_int [1]", "error rpc error: code = Unknown desc = argument 1 must be one integer"),
        (r#"repeat ["ab", 3]"#, "[ab ab ab] ([]interface {})"),
        (r#"repeat ["ab", 0]"#, "[] ([]interface {})"),
        ("echo [true]", "true (bool)"),
        (r#"echo ["gopher"]"#, "gopher (string)"),
        (r#"echo [{"a": [1, null]}]"#, "map[a:[1 <nil>]] (map[string]interface {})"),
        ("nothing []", "<nil> (<nil>)"),
        (r#"fail ["it is closed"]"#, "error rpc error: code = Unknown desc = it is closed"),
    ];
    our_plugin_answers("grpc", &cases).await;
}
