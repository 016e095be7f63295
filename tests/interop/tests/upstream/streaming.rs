//! The `streaming` example of go-plugin v1.8.0: a file in chunks.

use std::{fs, path::Path};

use interop_tests::{example, upstream_example as go_example};

use crate::in_dir;

const RELEASE: &str = "v1.8.0";

/// Some bytes and their SHA-256, as `sha256sum` prints it.
fn contents() -> [(Vec<u8>, &'static str); 3] {
    [
        (Vec::new(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (b"hello\n".into(), "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"),
        // More than any one message of these programs may have.
        (vec![b'a'; 5_000_000], "7f4a285193573e707fcb6398222c00f044745cd2930e41d28d30da87d6ca183f"),
    ]
}

#[tokio::test]
async fn our_host_sends_a_file_and_gets_it_back_from_plugins_of_both_languages() {
    for plugin in [go_example("streaming/plugin", RELEASE), example("streaming-plugin")] {
        for (content, hash) in contents() {
            let dir = tempfile::tempdir().unwrap();
            fs::write(dir.path().join("file"), &content).unwrap();
            let args = [plugin.to_str().unwrap(), "file"];
            let ran = in_dir(dir.path(), &example("streaming-host"), &args, &[]).await;
            let expected = format!("{} bytes, SHA-256 {hash}\n", content.len());
            assert_eq!((ran.code, ran.stdout_text()), (Some(0), expected), "{args:?}: {}", ran.stderr_text());
            assert_eq!(fs::read(dir.path().join("file")).unwrap(), content, "the file itself stays as it is");
        }
    }
}

#[tokio::test]
async fn the_go_host_with_its_limit_of_1000_bytes_writes_and_reads_through_our_plugin() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("plugin")).unwrap();
    std::os::unix::fs::symlink(example("streaming-plugin"), dir.path().join("plugin/streamer")).unwrap();
    let ran = in_dir(dir.path(), &go_example("streaming", RELEASE), &["file"], &[]).await;
    let log = ran.stderr_text();
    assert_eq!(ran.code, Some(0), "{log}");
    assert!(log.contains("received 26 bytes") && log.contains("Lorem ipsum dolor sit amet"), "{log}");
    assert_eq!(fs::read_to_string(dir.path().join("file")).unwrap(), "Lorem ipsum dolor sit amet");
    assert!(!log.contains(r#""@level":"warn""#) && !log.contains(r#""@level":"error""#), "{log}");
}

#[tokio::test]
async fn a_file_that_cannot_be_read_ends_the_transfer_with_its_error() {
    let plugin = example("streaming-plugin");
    let host = example("streaming-host");
    let dir = tempfile::tempdir().unwrap();
    for (file, error) in [("absent", "No such file or directory"), (".", "Is a directory")] {
        let ran = in_dir(dir.path(), &host, &[plugin.to_str().unwrap(), file], &[]).await;
        assert_eq!((ran.code, ran.stdout_text().as_str()), (Some(1), ""), "{file}");
        assert!(ran.stderr_text().contains(error), "{file}: {}", ran.stderr_text());
    }
    let ran = in_dir(Path::new("/"), &host, &[plugin.to_str().unwrap()], &[]).await;
    assert_eq!((ran.code, ran.stderr_text().as_str()), (Some(1), "Error: usage: streaming-host CMD FILE\n"));
}
