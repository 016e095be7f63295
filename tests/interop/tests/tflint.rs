//! tflint 0.64.0 (go-plugin v1.8.0) over gRPC with callbacks: its bundled plugin in our host, our ruleset under its command line.

#![allow(clippy::unwrap_used)] // helpers of tests are tests

use std::{
    collections::HashMap,
    fs,
    path::PathBuf,
    process::Command,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use go_plugin::{Client, Error, GrpcBroker, GrpcChannel, GrpcPlugin, GrpcServices, Plugin, Protocol, Result};
use interop_tests::{
    Ran,
    ruleset::{
        HANDSHAKE, NAME,
        proto::{
            BodyContent, Expression, Range, apply_changes, apply_config, apply_global_config, body_content,
            check, emit_issue, evaluate_expr, get_config_schema, get_file, get_files, get_module_content,
            get_module_path, get_name, get_originalwd, get_rule_names, get_version_constraint, range::Pos,
            rule_set_client::RuleSetClient, runner_server,
        },
    },
    run, upstream, within,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tonic::{Request, Response, Status};

fn tflint() -> PathBuf {
    upstream("github.com/terraform-linters/tflint", "v0.64.0")
}

/// A dispensed ruleset: both ends of its connection.
struct RuleSet {
    broker: GrpcBroker,
    client: RuleSetClient<GrpcChannel>,
}

struct RuleSetPlugin;

impl Plugin for RuleSetPlugin {
    type Interface = RuleSet;

    fn grpc(&self) -> Option<&dyn GrpcPlugin<RuleSet>> {
        Some(self)
    }
}

impl GrpcPlugin<RuleSet> for RuleSetPlugin {
    fn server(&self, _: GrpcBroker, _: &mut GrpcServices) -> Result<()> {
        Err(Error::msg("a host"))
    }

    fn client(&self, broker: GrpcBroker, channel: GrpcChannel) -> Result<Arc<RuleSet>> {
        Ok(Arc::new(RuleSet { broker, client: RuleSetClient::new(channel) }))
    }
}

const FILE: &str = "main.tf";
const SOURCE: &str = "// a comment\nvariable \"a\" {}\nvariable \"b\" { type = string }\n";

/// A module of one file, and what the plugin does to it.
#[derive(Clone, Default)]
struct Module(Arc<Mutex<Found>>);

#[derive(Default)]
struct Found {
    /// Rule, message, line.
    issues: Vec<(String, String, i64)>,
    changes: HashMap<String, Vec<u8>>,
}

fn range(line: i64, columns: std::ops::Range<i64>) -> Option<Range> {
    let before: usize = SOURCE.lines().take(line as usize - 1).map(|line| line.len() + 1).sum();
    let at = |column: i64| Some(Pos { line, column, byte: before as i64 + column - 1 });
    Some(Range { filename: FILE.into(), start: at(columns.start), end: at(columns.end) })
}

fn variable(line: i64, name: &str, body: BodyContent) -> body_content::Block {
    body_content::Block {
        r#type: "variable".into(),
        labels: vec![name.into()],
        body: Some(body),
        def_range: range(line, 1..13),
        type_range: range(line, 1..9),
        label_ranges: range(line, 10..13).into_iter().collect(),
    }
}

fn answer<T>(answer: T) -> Result<Response<T>, Status> {
    Ok(Response::new(answer))
}

#[async_trait]
impl runner_server::Runner for Module {
    async fn get_originalwd(
        &self,
        _: Request<get_originalwd::Request>,
    ) -> Result<Response<get_originalwd::Response>, Status> {
        answer(get_originalwd::Response { path: "/".into() })
    }

    async fn get_module_path(
        &self,
        _: Request<get_module_path::Request>,
    ) -> Result<Response<get_module_path::Response>, Status> {
        answer(get_module_path::Response::default())
    }

    async fn get_module_content(
        &self,
        request: Request<get_module_content::Request>,
    ) -> Result<Response<get_module_content::Response>, Status> {
        let wanted = request.into_inner().schema.unwrap_or_default().blocks;
        let wanted: Vec<_> = wanted.iter().map(|block| block.r#type.as_str()).collect();
        assert_eq!(wanted, ["variable"]);
        let ty = body_content::Attribute {
            name: "type".into(),
            range: range(3, 16..29),
            name_range: range(3, 16..20),
            expression: Some(Expression { bytes: b"string".into(), range: range(3, 23..29) }),
        };
        let typed = BodyContent { attributes: [("type".to_owned(), ty)].into(), ..BodyContent::default() };
        let blocks = vec![variable(2, "a", BodyContent::default()), variable(3, "b", typed)];
        let content = BodyContent { blocks, ..BodyContent::default() };
        answer(get_module_content::Response { content: Some(content) })
    }

    async fn get_file(&self, _: Request<get_file::Request>) -> Result<Response<get_file::Response>, Status> {
        answer(get_file::Response { file: SOURCE.into() })
    }

    async fn get_files(
        &self,
        _: Request<get_files::Request>,
    ) -> Result<Response<get_files::Response>, Status> {
        answer(get_files::Response { files: [(FILE.to_owned(), SOURCE.into())].into() })
    }

    async fn evaluate_expr(
        &self,
        _: Request<evaluate_expr::Request>,
    ) -> Result<Response<evaluate_expr::Response>, Status> {
        Err(Status::unimplemented("nothing to evaluate"))
    }

    async fn emit_issue(
        &self,
        request: Request<emit_issue::Request>,
    ) -> Result<Response<emit_issue::Response>, Status> {
        let emit_issue::Request { rule, message, range, fixable } = request.into_inner();
        let line = range.and_then(|range| range.start).map_or(0, |start| start.line);
        self.0.lock().unwrap().issues.push((rule.unwrap_or_default().name, message, line));
        answer(emit_issue::Response { applied: fixable })
    }

    async fn apply_changes(
        &self,
        request: Request<apply_changes::Request>,
    ) -> Result<Response<apply_changes::Response>, Status> {
        self.0.lock().unwrap().changes.extend(request.into_inner().changes);
        answer(apply_changes::Response {})
    }
}

async fn start(multiplex: bool) -> (Client, Arc<RuleSet>) {
    let mut command = Command::new(tflint());
    command.arg("--act-as-bundled-plugin");
    let builder = Client::builder(HANDSHAKE)
        .plugin(NAME, RuleSetPlugin)
        .allowed_protocols([Protocol::Grpc])
        .multiplex_grpc(multiplex)
        .command(command);
    let client = within("the plugin to start", builder.start()).await.unwrap();
    let ruleset = within("the ruleset", client.dispense::<RuleSetPlugin>(NAME)).await.unwrap();
    (client, ruleset)
}

#[tokio::test]
async fn the_bundled_plugin_inspects_and_repairs_a_module_of_ours() {
    for multiplex in [false, true] {
        let (process, ruleset) = start(multiplex).await;
        let mut client = ruleset.client.clone();
        let work = async {
            assert_eq!(client.get_name(get_name::Request {}).await.unwrap().into_inner().name, "terraform");
            let names = client.get_rule_names(get_rule_names::Request {}).await.unwrap().into_inner().names;
            let only = ["terraform_comment_syntax", "terraform_typed_variables"].map(str::to_owned);
            assert!(only.iter().all(|rule| names.contains(rule)), "{names:?}");
            // It refuses hosts that do not ask this.
            client.get_version_constraint(get_version_constraint::Request {}).await.unwrap();
            let config = apply_global_config::Config { only: only.into(), fix: true, ..Default::default() };
            client.apply_global_config(apply_global_config::Request { config: Some(config) }).await.unwrap();
            client.get_config_schema(get_config_schema::Request {}).await.unwrap();
            let content = Some(BodyContent::default());
            client.apply_config(apply_config::Request { content }).await.unwrap();

            // Twice: each check calls back on a connection of its own.
            for _ in 0..2 {
                let module = Module::default();
                let served = ruleset.broker.serve(runner_server::RunnerServer::new(module.clone())).unwrap();
                client.check(check::Request { runner: served.id() }).await.unwrap();
                let found = module.0.lock().unwrap();
                let issue = |rule: &str, message: &str, line| (rule.to_owned(), message.to_owned(), line);
                let expected = [
                    issue("terraform_comment_syntax", "Comments should begin with #", 1),
                    issue("terraform_typed_variables", "`a` variable has no type", 2),
                ];
                assert_eq!(found.issues, expected);
                let repaired = SOURCE.replace("//", "#").into_bytes();
                assert_eq!(found.changes, HashMap::from([(FILE.to_owned(), repaired)]));
            }
        };
        within("the checks", work).await;
        within("the kill", process.kill()).await.unwrap();
        let status = process.exited().await.and_then(|status| status.code());
        assert_eq!(status, Some(0), "multiplexed: {multiplex}");
    }
}

#[tokio::test]
async fn a_callback_that_fails_fails_the_check() {
    let (process, ruleset) = start(false).await;
    let mut client = ruleset.client.clone();
    // Nobody serves there.
    let error = within("the error", client.check(check::Request { runner: 77 })).await.unwrap_err();
    assert!(error.message().contains("timeout waiting for connection info"), "{error:?}");
    assert_eq!(client.get_name(get_name::Request {}).await.unwrap().into_inner().name, "terraform");
    within("the kill", process.kill()).await.unwrap();
}

/// A folder with a module and our ruleset for it.
fn project(settings: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let module = "resource \"thing\" \"a\" {\n  name = \"rabbit-${1 + 1}\"\n}\n\
        resource \"thing\" \"b\" {\n  name = \"hare\"\n}\nresource \"thing\" \"c\" {}\n";
    fs::write(dir.path().join("main.tf"), module).unwrap();
    let config = format!(
        "plugin \"terraform\" {{\n  enabled = false\n}}\nplugin \"gopher\" {{\n  enabled = true\n{settings}}}\n"
    );
    fs::write(dir.path().join(".tflint.hcl"), config).unwrap();
    fs::create_dir(dir.path().join("plugins")).unwrap();
    let plugin = dir.path().join("plugins/tflint-ruleset-gopher");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_rust-ruleset"), plugin).unwrap();
    dir
}

async fn lint(dir: &TempDir, args: &[&str]) -> (Ran, Value) {
    let mut command = tokio::process::Command::new(tflint());
    command.args(["--format", "json"]).args(args).current_dir(dir.path());
    command.env("TFLINT_PLUGIN_DIR", dir.path().join("plugins"));
    let ran = run(command, b"").await;
    let report = serde_json::from_slice(&ran.stdout).unwrap_or_default();
    (ran, report)
}

#[tokio::test]
async fn the_command_line_loads_a_ruleset_of_ours() {
    let (ran, report) = lint(&project(""), &[]).await;
    assert_eq!(ran.code, Some(2), "{}{}", ran.stdout_text(), ran.stderr_text());
    assert_eq!(report["errors"], json!([]));
    let issues = report["issues"].as_array().unwrap();
    assert_eq!(issues.len(), 1, "{report}");
    let rule = json!({
        "name": "gopher_no_animals", "severity": "warning", "link": "https://go.dev/blog/gopher",
    });
    assert_eq!(issues[0]["rule"], rule);
    // It is tflint that added.
    assert_eq!(issues[0]["message"], "thing.a has the name of a rabbit: rabbit-2");
    assert_eq!(issues[0]["range"]["filename"], "main.tf");
    assert_eq!(issues[0]["range"]["start"], json!({"line": 2, "column": 3}));
}

#[tokio::test]
async fn settings_and_flags_of_the_command_line_reach_our_ruleset() {
    let (_, report) = lint(&project("  animal = \"hare\"\n"), &[]).await;
    let messages: Vec<_> =
        report["issues"].as_array().unwrap().iter().map(|issue| &issue["message"]).collect();
    assert_eq!(messages, ["thing.b has the name of a hare: hare"]);
    for flags in [&["--disable-rule=gopher_no_animals"][..], &["--only=gopher_no_animals", "--force"]] {
        let (ran, report) = lint(&project(""), flags).await;
        assert_eq!(ran.code, Some(0), "{flags:?} {}{}", ran.stdout_text(), ran.stderr_text());
        let issues = report["issues"].as_array().unwrap().len();
        assert_eq!(issues, usize::from(flags.len() == 2), "{flags:?} {report}");
    }
    let (ran, _) = lint(&project(""), &["--only=unheard_of"]).await;
    assert_eq!(ran.code, Some(1), "{}", ran.stdout_text());
}
