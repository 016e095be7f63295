//! The plugin in Python, under the Rust host and under go-plugin's own.

use std::path::{Path, PathBuf};

use interop_tests::{example, python_with, upstream_example as go_example};

use crate::in_dir;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/grpc/plugin-python").canonicalize().unwrap()
}

/// The plugin as a command for the shell.
fn plugin() -> String {
    let python = python_with(&folder().join("requirements.txt"));
    format!("'{}' '{}'", python.display(), folder().join("plugin.py").display())
}

const STORED: &str = "world\n\nWritten from plugin-python";

#[tokio::test]
async fn our_host_drives_a_plugin_in_python() {
    let dir = tempfile::tempdir().unwrap();
    let (host, plugin) = (example("kv-host"), plugin());
    for (args, code, stdout, stderr) in [
        (&["put", "hello", "world"][..], 0, String::new(), ""),
        (&["get", "hello"], 0, format!("{STORED}\n"), ""),
        (&["get", "nothing"], 1, String::new(), "Error: [Errno 2] No such file or directory: 'kv_nothing'\n"),
    ] {
        let ran = in_dir(dir.path(), &host, &[&["--protocol", "grpc", &plugin], args].concat(), &[]).await;
        assert_eq!((ran.code, ran.stdout_text(), ran.stderr_text().as_str()), (Some(code), stdout, stderr));
    }
}

#[tokio::test]
async fn a_plugin_in_python_ends_when_it_is_told_to() {
    let dir = tempfile::tempdir().unwrap();
    // The shell writes this only about a plugin that ends by itself: otherwise both are killed.
    let plugin = format!("{}; echo $? > status", plugin());
    // It has two seconds, which a busy machine may need for itself.
    for attempt in 1..=5 {
        let put = in_dir(dir.path(), &example("kv-host"), &[&plugin, "put", "hello", "world"], &[]).await;
        assert_eq!(put.code, Some(0), "{}", put.stderr_text());
        if let Ok(status) = std::fs::read_to_string(dir.path().join("status")) {
            assert_eq!(status, "0\n");
            return;
        }
        println!("attempt {attempt}: killed");
    }
    panic!("it was killed each time");
}

#[tokio::test]
async fn the_go_host_drives_a_plugin_in_python() {
    let dir = tempfile::tempdir().unwrap();
    let (host, plugin) = (go_example("grpc", "v1.8.0"), plugin());
    let env = [("KV_PLUGIN", Path::new(&plugin)), ("KV_PROTO", Path::new("grpc"))];
    let put = in_dir(dir.path(), &host, &["put", "hello", "world"], &env).await;
    assert_eq!(put.code, Some(0), "{}{}", put.stdout_text(), put.stderr_text());
    assert_eq!(std::fs::read_to_string(dir.path().join("kv_hello")).unwrap(), STORED);
    let get = in_dir(dir.path(), &host, &["get", "hello"], &env).await;
    assert_eq!(get.code, Some(0), "{}{}", get.stdout_text(), get.stderr_text());
    assert!(get.stdout_text().contains(STORED), "{}", get.stdout_text());
}

#[tokio::test]
async fn a_plugin_in_python_says_what_it_is_and_leaves_no_socket() {
    let dir = tempfile::tempdir().unwrap();
    let shell = Path::new("sh");
    let by_hand = in_dir(dir.path(), shell, &["-c", &plugin()], &[]).await;
    assert_eq!(by_hand.code, Some(1));
    assert!(by_hand.stderr_text().starts_with("This is a plugin"), "{}", by_hand.stderr_text());

    // Its parent is gone as soon as it serves: it ends by itself, and takes its socket with it.
    let serve = format!("BASIC_PLUGIN=hello TMPDIR=$PWD {} > line &", plugin());
    let command = format!("{serve} until [ -s line ]; do sleep 0.1; done");
    let orphan = in_dir(dir.path(), shell, &["-c", &command], &[]).await;
    let line = std::fs::read_to_string(dir.path().join("line")).unwrap();
    assert!(line.starts_with("1|1|unix|"), "{line}{}", orphan.stderr_text());
    std::fs::remove_file(dir.path().join("line")).unwrap();
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
