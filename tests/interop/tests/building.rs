//! The helper that builds Go programs.

use std::{fs, panic, thread, time::SystemTime};

use interop_tests::{Peer, go_program, upstream};

#[test]
fn a_program_is_built_once() {
    let modified = || -> (std::path::PathBuf, SystemTime) {
        let program = go_program("yamuxpeer");
        let time = fs::metadata(&program).and_then(|m| m.modified()).unwrap();
        (program, time)
    };
    let results: Vec<_> = thread::scope(|scope| {
        let builders: Vec<_> = (0..4).map(|_| scope.spawn(modified)).collect();
        builders.into_iter().map(|b| b.join().unwrap()).collect()
    });
    assert!(results.iter().all(|r| *r == results[0]), "{results:?}");
    assert_eq!(modified(), results[0]);
}

#[test]
fn a_failed_build_shows_what_the_go_tool_said() {
    let failure =
        panic::catch_unwind(|| upstream("github.com/hashicorp/go-plugin/examples/absent", "v1.8.0"));
    let text = *failure.unwrap_err().downcast::<String>().unwrap();
    assert!(
        text.contains("does not contain package github.com/hashicorp/go-plugin/examples/absent"),
        "{text}"
    );
}

#[tokio::test]
async fn a_peer_answers_refuses_and_ends_with_its_stdin() {
    let peer = Peer::spawn(&go_program("echopeer"), [""; 0]);
    assert_eq!(peer.tell("echo some words").await, "some words");
    assert_eq!(peer.ask("fail because").await, Err("because".to_owned()));
    assert_eq!(peer.ask("dance").await, Err("no such command: dance".to_owned()));
    // A command that takes its time does not keep the others from running.
    let (slow, quick) = tokio::join!(peer.number("wait"), async { peer.tell("release").await });
    assert_eq!((slow, quick.as_str()), (1, ""));
    assert_eq!(peer.finish().await, (Some(0), String::new()));
}
