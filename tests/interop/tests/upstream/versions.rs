//! go-plugin's `negotiated` example: one plugin in version 2 over net/rpc and in version 3 over gRPC.

use std::path::Path;

use interop_tests::{RELEASES, example, upstream_example as go_example};

use crate::in_dir;

/// What both plugins of the `negotiated` example write and read in one version.
fn signed(version: u32) -> String {
    format!("world\n\nWritten from plugin version {version}\nRead by plugin version {version}\n")
}

#[tokio::test]
async fn the_highest_common_version_is_negotiated_by_the_rust_host() {
    for plugin in RELEASES
        .map(|v| go_example("negotiated/plugin-go", v))
        .into_iter()
        .chain([example("negotiated-plugin")])
    {
        let (plugin, host) = (plugin.to_str().unwrap(), example("negotiated-host"));
        for (options, version) in
            [(&["--protocol", "netrpc"][..], 2), (&["--protocol", "grpc"][..], 3), (&[][..], 3)]
        {
            let dir = tempfile::tempdir().unwrap();
            let put =
                in_dir(dir.path(), &host, &[options, &[plugin, "put", "hello", "world"]].concat(), &[]).await;
            assert_eq!(put.code, Some(0), "{plugin}: {}", put.stderr_text());
            let get = in_dir(dir.path(), &host, &[options, &[plugin, "get", "hello"]].concat(), &[]).await;
            assert_eq!(
                get.stdout_text(),
                format!("{}\n", signed(version)),
                "{plugin}: {}",
                get.stderr_text()
            );
        }
    }
}

#[tokio::test]
async fn the_highest_common_version_is_negotiated_with_go_hosts() {
    for release in RELEASES {
        for (protocol, version) in [("netrpc", 2), ("grpc", 3)] {
            let dir = tempfile::tempdir().unwrap();
            std::os::unix::fs::symlink(example("negotiated-plugin"), dir.path().join("kv-plugin")).unwrap();
            let env = [("KV_PROTO", Path::new(protocol))];
            let host = go_example("negotiated", release);
            let put = in_dir(dir.path(), &host, &["put", "hello", "world"], &env).await;
            assert_eq!(put.code, Some(0), "{release} {protocol}: {}", put.stdout_text());
            let get = in_dir(dir.path(), &host, &["get", "hello"], &env).await;
            let output = get.stdout_text();
            assert!(output.contains(&signed(version)), "{release} {protocol}: {output}");
        }
    }
}
