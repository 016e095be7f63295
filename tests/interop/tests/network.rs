//! The example `network`: plugins that were started on their own, attached to over TCP by hosts of both languages.

#![allow(clippy::unwrap_used)]

use std::{path::Path, process::Stdio};

use interop_tests::{Peer, Ran, certificates::Authority, example, go_program, run, upstream_example, within};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};
use yaml_rust2::{Yaml, YamlLoader};

/// A plugin that runs until the test ends, and its port.
async fn plugin(args: &[&str]) -> (Child, u16) {
    let mut command = Command::new(example("network-plugin"));
    command
        .env("BASIC_PLUGIN", "hello")
        .env("PLUGIN_HOST", "true")
        .args(args)
        .args(["--listen", "127.0.0.1:0"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    within("the handshake line", stdout.read_line(&mut line)).await.unwrap();
    let fields: Vec<_> = line.trim_end().split('|').collect();
    assert_eq!(fields[..3], ["1", "1", "tcp"], "{line}");
    (child, fields[3].rsplit_once(':').unwrap().1.parse().unwrap())
}

/// Runs the host in `dir`.
async fn host(dir: &Path, network: &str, args: &[&str]) -> Ran {
    let mut command = Command::new(example("network-host"));
    command.current_dir(dir).env("NETWORK_PLUGIN", network).args(args);
    run(command, b"").await
}

#[tokio::test]
async fn a_host_attaches_beside_what_it_starts_and_leaves_the_plugin_running() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("bin")).unwrap();
    let link = |plugin: &Path, name: &str| {
        std::os::unix::fs::symlink(plugin, dir.path().join("bin").join(name)).unwrap()
    };
    link(&upstream_example("basic/plugin", "v1.8.0"), "a-gopher.po");
    link(&example("network-plugin"), "b-crab.po");
    for protocol in ["netrpc", "grpc"] {
        let (mut running, port) = plugin(&["--protocol", protocol]).await;
        // A name, which is looked up; and once with the protocol, once without.
        let address = format!("localhost:{port}");
        for args in [&[][..], &["--protocol", protocol]] {
            let ran = host(dir.path(), &address, args).await;
            let expected = format!(
                "a-gopher.po over netrpc: Hello!\nb-crab.po over grpc: Hello!\nb-crab.po over grpc: pong 1\n\
                 {address} over {protocol}: Hello!\n{address} over {protocol}: pong 1\n"
            );
            assert_eq!(ran.stdout_text(), expected, "{}", ran.stderr_text());
            assert_eq!(ran.code, Some(0));
        }
        assert!(running.try_wait().unwrap().is_none(), "the host has ended a plugin that is not its own");
    }
}

#[tokio::test]
async fn a_go_host_attaches_too() {
    let (_running, port) = plugin(&["--protocol", "netrpc"]).await;
    let config = format!(
        r#"{{"greeter":{{"Protocol":"netrpc","ProtocolVersion":1,"Test":true,"Addr":{{"Network":"tcp","String":"127.0.0.1:{port}"}}}}}}"#
    );
    let go = Peer::spawn(&go_program("hostpeer"), ["-reattach", &config]);
    for command in ["start", "connect", "dispense"] {
        go.tell(command).await;
    }
    assert_eq!(go.ask("greet").await.as_deref(), Ok("Hello!"));
}

#[tokio::test]
async fn a_plugin_that_demands_certificates_talks_to_nobody_without() {
    let dir = tempfile::tempdir().unwrap();
    let (ours, theirs) = (Authority::new("ours").unwrap(), Authority::new("theirs").unwrap());
    let (plugins, hosts, strangers) = (dir.path().join("p"), dir.path().join("h"), dir.path().join("s"));
    ours.issue(&plugins).unwrap();
    ours.issue(&hosts).unwrap();
    theirs.issue(&strangers).unwrap();
    for protocol in ["netrpc", "grpc"] {
        let (_running, port) = plugin(&["--protocol", protocol, "--tls", plugins.to_str().unwrap()]).await;
        let address = format!("localhost:{port}");
        let with = |dir: &Path| {
            ["--protocol".to_owned(), protocol.to_owned(), "--tls".to_owned(), dir.display().to_string()]
        };
        for (certificates, greets) in [(Some(&hosts), true), (Some(&strangers), false), (None, false)] {
            let args = certificates.map(|dir| with(dir).to_vec()).unwrap_or_default();
            let args: Vec<_> = args.iter().map(String::as_str).collect();
            let ran = host(dir.path(), &address, &args).await;
            assert_eq!(ran.code == Some(0), greets, "{protocol}: {}{}", ran.stdout_text(), ran.stderr_text());
            assert_eq!(ran.stdout_text().contains("Hello!"), greets);
        }
    }
}

fn beside(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/network").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// Everything under `key` in a document.
fn all<'a>(yaml: &'a Yaml, key: &str, found: &mut Vec<&'a Yaml>) {
    if let Yaml::Hash(entries) = yaml {
        found.extend(entries.iter().filter(|(name, _)| name.as_str() == Some(key)).map(|(_, value)| value));
        entries.values().for_each(|value| all(value, key, found));
    }
    if let Yaml::Array(values) = yaml {
        values.iter().for_each(|value| all(value, key, found));
    }
}

#[test]
fn the_manifests_and_the_images_fit_each_other_and_the_programs() {
    let documents = YamlLoader::load_from_str(&beside("kubernetes.yaml")).unwrap();
    let kinds: Vec<_> = documents.iter().map(|document| document["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["Deployment", "Service", "NetworkPolicy", "CronJob"]);
    for document in &documents {
        assert!(document["apiVersion"].as_str().is_some() && document["metadata"]["name"].as_str().is_some());
        for key in ["ports", "containers", "volumes"] {
            let mut found = Vec::new();
            all(document, key, &mut found);
            assert!(found.iter().all(|value| value.as_vec().is_some_and(|items| !items.is_empty())), "{key}");
        }
    }
    // What selects the plugin is what the plugin is labelled with.
    let label = &documents[0]["spec"]["template"]["metadata"]["labels"];
    assert!(label["app"].as_str().is_some());
    assert_eq!(&documents[0]["spec"]["selector"]["matchLabels"], label);
    assert_eq!(&documents[1]["spec"]["selector"], label);
    assert_eq!(&documents[2]["spec"]["podSelector"]["matchLabels"], label);
    let port = documents[1]["spec"]["ports"][0]["port"].as_i64().unwrap();
    let container = &documents[0]["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["ports"][0]["containerPort"].as_i64(), Some(port));
    assert_eq!(documents[2]["spec"]["ingress"][0]["ports"][0]["port"].as_i64(), Some(port));
    let host = &documents[3]["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0];
    let service = documents[1]["metadata"]["name"].as_str().unwrap();
    assert_eq!(host["env"][0]["value"].as_str(), Some(format!("{service}:{port}").as_str()));

    for (name, container) in [("plugin", container), ("host", host)] {
        let image = beside(&format!("{name}.Dockerfile"));
        let program = format!("network-{name}");
        assert_eq!(container["image"].as_str(), Some(program.as_str()));
        assert!(example(&program).exists());
        for line in image.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let instruction = line.split(' ').next().unwrap();
            assert!(
                ["FROM", "WORKDIR", "COPY", "RUN", "ENV", "EXPOSE", "USER", "ENTRYPOINT"]
                    .contains(&instruction),
                "{line}"
            );
        }
        assert!(image.contains(&format!("cargo build --release --example {program}")));
        let secrets = container["volumeMounts"][0]["mountPath"].as_str().unwrap();
        let entry = image.lines().find_map(|line| line.strip_prefix("ENTRYPOINT ")).unwrap();
        let entry: Vec<String> = serde_json::from_str(entry).unwrap();
        assert!(
            entry[0] == program && entry.ends_with(&["--tls".to_owned(), secrets.to_owned()]),
            "{entry:?}"
        );
    }
    assert!(beside("plugin.Dockerfile").contains(&format!("EXPOSE {port}")));
}
