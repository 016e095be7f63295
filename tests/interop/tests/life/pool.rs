//! Go plugins in a pool.

use std::{os::unix::fs::symlink, process::Command};

use go_plugin::pool::Pool;
use interop_tests::{go_program, greeter::GreeterPlugin, is_running, within};

use crate::support::builder;

/// Plugins of both transports in one folder, told apart by their names.
#[tokio::test]
async fn go_plugins_of_a_folder_run_while_they_are_leased() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["netrpc.po", "grpc.po"] {
        symlink(go_program("greeterplugin"), dir.path().join(name)).unwrap();
    }
    let make = |file: &std::path::Path| {
        let mut command = Command::new(file);
        if file.ends_with("grpc.po") {
            command.arg("-grpc");
        }
        builder().command(command)
    };
    let pool = Pool::builder().folder(dir.path(), "*.po", make).build().unwrap();
    let mut pids = Vec::new();
    for name in pool.names() {
        let plugin = within("the plugin", pool.get(&name)).await.unwrap();
        assert_eq!(format!("{}.po", plugin.protocol()), name);
        let greeter = within("the greeter", plugin.dispense::<GreeterPlugin>("greeter")).await.unwrap();
        assert_eq!(within("the greeting", greeter.say(&name)).await.unwrap(), format!("hello {name}"));
        pids.push(plugin.id());
    }
    assert_eq!(pool.running(), ["grpc.po", "netrpc.po"]);
    within("the end", pool.stop()).await;
    assert!(!pids.into_iter().any(is_running));
}
