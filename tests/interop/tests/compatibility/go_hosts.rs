//! Go hosts and our plugins of another generation.

use interop_tests::{Peer, go_program};

use crate::rust_plugin;

async fn host(args: &[&str], plugin_args: &[&str]) -> Peer {
    let plugin = [rust_plugin().to_str().unwrap()];
    let host = Peer::spawn(&go_program("evolvepeer"), [args, &plugin, plugin_args].concat());
    host.tell("start").await;
    host
}

#[tokio::test]
async fn a_new_go_host_goes_on_with_an_old_plugin_of_ours() {
    let host = host(&["-new"], &[]).await;
    assert_eq!(host.ask("hi").await.unwrap_err(), "rpc: can't find method Plugin.Hi");
    assert_eq!(host.tell("greet").await, "gopher is 7 ()");
    assert_eq!(host.tell("describe").await, "gopher");
    let unfit = host.ask("double").await.unwrap_err();
    assert_eq!(unfit, "gob: decoding into local type *int64, received remote type string");
    let unfit = host.ask("walk").await.unwrap_err();
    assert_eq!(unfit, "gob: type mismatch: no fields matched compiling decoder for Steps");
    assert_eq!(host.ask("probe").await.unwrap_err(), "unknown plugin type: announcer");
    assert_eq!(host.tell("greet").await, "gopher is 7 ()");
    host.tell("kill").await;
}

#[tokio::test]
async fn an_old_go_host_goes_on_with_a_new_plugin_of_ours() {
    let host = host(&[], &["-new"]).await;
    assert_eq!(host.tell("greet").await, "gopher <> is 7");
    assert_eq!(host.tell("describe").await, "gopher 0");
    let unfit = host.ask("double").await.unwrap_err();
    assert_eq!(unfit, "gob: decoding into local type *string, received remote type int");
    let unfit = host.ask("walk").await.unwrap_err();
    assert_eq!(unfit, "gob: type mismatch: no fields matched compiling decoder for Metres");
    assert_eq!(host.tell("greet").await, "gopher <> is 7");
    host.tell("kill").await;
}

#[tokio::test]
async fn hosts_and_plugins_of_one_age_have_everything() {
    let host = host(&["-new"], &["-new"]).await;
    assert_eq!(host.tell("hi").await, "Hi!");
    assert_eq!(host.tell("greet").await, "gopher <e@x> is 7 (en)");
    assert_eq!(host.tell("describe").await, "gopher 3");
    assert_eq!(host.tell("double").await, "2121");
    assert_eq!(host.tell("walk").await, "3");
    assert_eq!(host.tell("probe").await, "ladies and gentlemen");
    host.tell("kill").await;
}
