//! The key-value example of go-plugin, of several releases, and our twin of it: host and plugin in either language.

use std::path::Path;

use interop_tests::{RELEASES, Ran, example, run, upstream_example as go_example};
use tokio::process::Command;

async fn succeed(command: Command) -> String {
    let about = format!("{command:?}");
    let Ran { code, stdout, stderr } = run(command, b"").await;
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert_eq!(code, Some(0), "{about}\nstdout: {stdout}\nstderr: {stderr}");
    stdout.into_owned()
}

/// Runs `kv-host` in `dir`, which is where the plugins keep their files.
async fn kv_host(dir: &Path, args: &[&str]) -> Ran {
    let mut host = Command::new(example("kv-host"));
    host.args(args).current_dir(dir);
    run(host, b"").await
}

async fn drive_kv(protocol: &str, plugin: &Path, signature: &str) {
    let dir = tempfile::tempdir().unwrap();
    let plugin = plugin.to_str().unwrap();
    let put = kv_host(dir.path(), &["--protocol", protocol, plugin, "put", "hello", "world"]).await;
    assert_eq!((put.code, put.stderr_text().as_str()), (Some(0), ""), "{plugin}");
    let stored = std::fs::read_to_string(dir.path().join("kv_hello")).unwrap();
    assert_eq!(stored, format!("world\n\nWritten from {signature}"), "{plugin}");
    // The host takes either transport unless told otherwise.
    let get = kv_host(dir.path(), &[plugin, "get", "hello"]).await;
    assert_eq!((get.code, get.stdout_text()), (Some(0), format!("{stored}\n")), "{plugin}");

    let missing = kv_host(dir.path(), &[plugin, "get", "nothing"]).await;
    assert_eq!(missing.code, Some(1));
    let error = missing.stderr_text().to_lowercase();
    assert!(error.contains("no such file or directory"), "{plugin}: {error}");

    let other = if protocol == "grpc" { "netrpc" } else { "grpc" };
    let refused = kv_host(dir.path(), &["--protocol", other, plugin, "get", "hello"]).await;
    assert_eq!(refused.code, Some(1));
    let expected = format!("unsupported plugin protocol \"{protocol}\". Supported: [{other}]");
    assert!(refused.stderr_text().contains(&expected), "{plugin}: {}", refused.stderr_text());
}

#[tokio::test]
async fn one_rust_host_drives_go_stores_on_both_transports() {
    for version in RELEASES {
        for protocol in ["netrpc", "grpc"] {
            let name = format!("plugin-go-{protocol}");
            drive_kv(protocol, &go_example(&format!("grpc/{name}"), version), &name).await;
        }
    }
}

#[tokio::test]
async fn one_rust_host_drives_rust_stores_on_both_transports() {
    for protocol in ["netrpc", "grpc"] {
        let name = format!("kv-plugin-{protocol}");
        drive_kv(protocol, &example(&name), &name).await;
    }
}

#[tokio::test]
async fn go_hosts_drive_rust_stores_on_both_transports() {
    // Hosts before v1.8.0 dispense `kv_grpc` alone.
    for (version, protocols) in [
        ("v1.8.0", &["netrpc", "grpc"][..]),
        ("v1.6.3", &["grpc"]),
        ("v1.4.10", &["grpc"]),
        ("v1.0.1", &["grpc"]),
    ] {
        for protocol in protocols {
            let dir = tempfile::tempdir().unwrap();
            let name = format!("kv-plugin-{protocol}");
            let host = |args: &[&str]| {
                let mut host = Command::new(go_example("grpc", version));
                host.args(args).current_dir(dir.path());
                host.env("KV_PROTO", protocol).env("KV_PLUGIN", example(&name));
                host
            };
            succeed(host(&["put", "hello", "world"])).await;
            let stored = std::fs::read_to_string(dir.path().join("kv_hello")).unwrap();
            assert_eq!(stored, format!("world\n\nWritten from {name}"), "{version} {protocol}");
            let got = succeed(host(&["get", "hello"])).await;
            assert!(got.contains(&format!("world\n\nWritten from {name}\n")), "{version} {protocol}: {got}");
        }
    }
}
