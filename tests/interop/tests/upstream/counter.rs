//! The counter of go-plugin's `bidirectional` example, whose plugin calls back into its host.

use interop_tests::{RELEASES, example, upstream_example as go_example};

use crate::in_dir;

#[tokio::test]
async fn plugins_call_back_into_their_hosts_across_languages() {
    let rust_plugin = example("counter-plugin");
    for version in RELEASES {
        let go_plugin = go_example("bidirectional/plugin-go-grpc", version);
        let go_host = go_example("bidirectional", version);
        for (plugin, hosts) in [
            (&go_plugin, &[example("counter-host")][..]),
            (&rust_plugin, &[example("counter-host"), go_host]),
        ] {
            for host in hosts {
                let dir = tempfile::tempdir().unwrap();
                let (env, plugin) = ([("COUNTER_PLUGIN", plugin.as_path())], plugin.to_str().unwrap());
                // The Rust host takes its plugin as an argument, the one in Go from the variable.
                let rust = host == &example("counter-host");
                for expected in ["5", "10"] {
                    let with = |args: &[&'static str]| {
                        let plugin = rust.then_some(plugin);
                        plugin.into_iter().chain(args.iter().copied()).map(str::to_owned).collect::<Vec<_>>()
                    };
                    for (args, wanted) in
                        [(with(&["put", "n", "5"]), None), (with(&["get", "n"]), Some(expected))]
                    {
                        let args: Vec<&str> = args.iter().map(String::as_str).collect();
                        let ran = in_dir(dir.path(), host, &args, &env).await;
                        let about = format!("{version} {host:?} {args:?}: {}", ran.stderr_text());
                        assert_eq!(ran.code, Some(0), "{about}");
                        if let Some(wanted) = wanted {
                            let output = ran.stdout_text();
                            assert!(output.lines().any(|line| line == wanted), "{about}\n{output}");
                        }
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn callbacks_work_over_netrpc_too() {
    let dir = tempfile::tempdir().unwrap();
    let plugin = format!("{} netrpc", example("counter-plugin").display());
    for expected in ["5\n", "10\n"] {
        let put = in_dir(dir.path(), &example("counter-host"), &[&plugin, "put", "n", "5"], &[]).await;
        assert_eq!(put.code, Some(0), "{}", put.stderr_text());
        let get = in_dir(dir.path(), &example("counter-host"), &[&plugin, "get", "n"], &[]).await;
        assert_eq!(get.stdout_text(), expected, "{}", get.stderr_text());
    }
}
