//! Several plugins, found by a pattern.

use std::{collections::BTreeMap, os::unix::fs::symlink};

use futures_util::future::{join_all, try_join_all};
use go_plugin::{Client, Result, discover};
use interop_tests::{
    RELEASES, example,
    greeter::{GreeterPlugin, HANDSHAKE},
    is_running, upstream_example, within,
};

#[tokio::test]
async fn plugins_found_by_a_pattern_are_managed_as_a_set() {
    let dir = tempfile::tempdir().unwrap();
    let bin = dir.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    symlink(upstream_example("basic/plugin", RELEASES[0]), bin.join("gopher.po")).unwrap();
    symlink(example("basic-plugin"), bin.join("crab.po")).unwrap();
    std::fs::write(bin.join("notes.po"), "no program").unwrap();
    std::fs::write(bin.join("other.txt"), "nor this").unwrap();

    let found = discover("./bin/*.po", dir.path()).unwrap();
    let executable: Vec<bool> = found.iter().map(|found| found.executable).collect();
    assert_eq!(executable, [true, true, false], "{found:?}");
    let starts =
        found.iter().filter(|found| found.executable).map(async |found| -> Result<(String, Client)> {
            let client = Client::builder(HANDSHAKE)
                .plugin("greeter", GreeterPlugin::client())
                .command(found.path.as_path())
                .start()
                .await?;
            Ok((client.name().to_owned(), client))
        });
    let set = within("the plugins to start", try_join_all(starts)).await.unwrap();
    let set: BTreeMap<String, Client> = set.into_iter().collect();
    assert_eq!(set.keys().collect::<Vec<_>>(), ["crab.po", "gopher.po"]);

    let greet = async |client: &Client| -> Result<String> {
        client.dispense::<GreeterPlugin>("greeter").await?.greet().await
    };
    for (name, client) in &set {
        assert_eq!(within(name, greet(client)).await.unwrap(), "Hello!");
    }
    // One that is gone takes nobody along.
    within("the kill", set["gopher.po"].kill()).await.unwrap();
    assert!(within("the error", greet(&set["gopher.po"])).await.unwrap_err().is_disconnected());
    assert_eq!(within("a greeting", greet(&set["crab.po"])).await.unwrap(), "Hello!");
    for killed in within("the kills", join_all(set.values().map(Client::kill))).await {
        killed.unwrap();
    }
    assert!(set.values().all(|client| client.has_exited() && !is_running(client.id())));
}
