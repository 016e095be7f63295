//! httprunner/funplugin 0.5.5 (go-plugin v1.4.10) over net/rpc: its plugin in our host, our plugin in its host.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

use std::{process::Command, sync::Arc};

use go_plugin::{
    Client, Protocol, Result,
    serde_gob::{Any, Type, Value},
};
use interop_tests::{
    functions::{FunctionCall, Functions, FunctionsPlugin, HANDSHAKE, MODE, NAME},
    go_program, pinned, run, within,
};

async fn start() -> (Client, Arc<dyn Functions>) {
    let mut command = Command::new(pinned("funhost", "github.com/httprunner/funplugin/fungo/examples"));
    command.env(MODE.0, MODE.1);
    let builder = Client::builder(HANDSHAKE).plugin(NAME, FunctionsPlugin::client()).command(command);
    let client = within("the plugin to start", builder.start()).await.unwrap();
    assert_eq!(client.protocol(), Protocol::NetRpc);
    let functions = within("the functions", client.dispense::<FunctionsPlugin>(NAME)).await.unwrap();
    (client, functions)
}

async fn call(functions: &dyn Functions, name: &str, args: impl Into<Vec<Any>>) -> Result<Any> {
    let call = FunctionCall::Data { name: name.to_owned(), args: args.into() };
    within(name, functions.call(call)).await
}

#[tokio::test]
async fn a_plugin_of_funplugin_says_what_it_has() {
    let (client, functions) = start().await;
    let mut names = within("the names", functions.get_names()).await.unwrap();
    names.sort();
    // Each is there twice: as it is registered, and without underscores.
    let expected = [
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
    names.dedup();
    assert_eq!(names, expected);
    within("the kill", client.kill()).await.unwrap();
}

#[tokio::test]
async fn functions_of_funplugin_take_and_return_values_of_any_type() {
    let (client, functions) = start().await;
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
    let (client, functions) = start().await;
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
async fn a_host_on_funplugin_calls_functions_of_ours() {
    let dir = tempfile::tempdir().unwrap();
    // The suffix is how it recognises a plugin that is a program.
    let plugin = dir.path().join("functions.bin");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_rust-functions"), &plugin).unwrap();
    let mut command = tokio::process::Command::new(go_program("funhost"));
    command.arg(&plugin).env(MODE.0, MODE.1);
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
    let input: String = cases.iter().map(|(line, _)| format!("{line}\n")).collect();
    let ran = run(command, input.as_bytes()).await;
    let expected: String = cases.iter().map(|(_, answer)| format!("{answer}\n")).collect();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr_text());
    assert_eq!(ran.stdout_text(), format!("hashicorp-rpc-go\n{expected}"), "{}", ran.stderr_text());
}
