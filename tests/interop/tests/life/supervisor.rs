//! Supervised plugins: restarts and replacements under objects that stay.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use go_plugin::{Client, ClientBuilder, Error, ErrorKind, Protocol, Supervisor};
use interop_tests::{
    go_program,
    greeter::{Greeter, GreeterPlugin, HANDSHAKE},
    grpc_peer::PeerPlugin,
    is_running, within,
};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::sleep;

use crate::support::{TRANSPORTS, builder, go_greeter, rust_greeter};

const MS: Duration = Duration::from_millis(1);

fn make(transport: Protocol) -> impl Fn() -> ClientBuilder + Send + Sync + 'static {
    move || builder().command(go_greeter(transport))
}

async fn supervise(transport: Protocol) -> (Supervisor, Arc<dyn Greeter>) {
    let supervisor = Supervisor::builder(make(transport)).backoff(MS, 50 * MS).max_restarts(50, 60_000 * MS);
    let supervisor = within("the start", supervisor.start()).await.unwrap();
    let greeter = within("the greeter", supervisor.dispense::<GreeterPlugin>("greeter")).await.unwrap();
    (supervisor, greeter)
}

async fn say(greeter: &Arc<dyn Greeter>, name: &str) -> go_plugin::Result<String> {
    within("the greeting", greeter.say(name)).await
}

fn kill_hard(client: &Client) {
    kill_process(Pid::from_raw(client.id() as i32).unwrap(), Signal::KILL).unwrap();
}

#[tokio::test]
async fn objects_survive_a_crash_and_the_call_under_way_fails_saying_so() {
    for transport in TRANSPORTS {
        let (supervisor, greeter) = supervise(transport).await;
        let second = supervisor.dispense::<GreeterPlugin>("greeter").await.unwrap();
        let mut processes = vec![supervisor.client().await.unwrap().id()];
        for code in 3..6 {
            let error = say(&greeter, &format!("!exit {code}")).await.unwrap_err();
            assert!(error.is_disconnected(), "{error:?}");
            assert_eq!(error.exit_status().and_then(|status| status.code()), Some(code));
            assert!(error.to_string().contains("this call is not repeated"), "{error}");
            assert_eq!(say(&greeter, "gopher").await.unwrap(), "hello gopher");
            assert_eq!(say(&second, "crab").await.unwrap(), "hello crab");
            processes.push(supervisor.client().await.unwrap().id());
        }
        processes.dedup();
        assert_eq!(processes.len(), 4);
        within("the stop", supervisor.stop()).await.unwrap();
        let error = say(&greeter, "gopher").await.unwrap_err();
        assert!(error.is_disconnected(), "{error:?}");
        processes.iter().for_each(|pid| assert!(!is_running(*pid)));
    }
}

#[tokio::test]
async fn each_process_is_configured_before_calls_reach_it() {
    for transport in TRANSPORTS {
        let (starts, let_through) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(true)));
        let (count, flag) = (Arc::clone(&starts), Arc::clone(&let_through));
        let supervisor =
            Supervisor::builder(make(transport)).backoff(MS, MS).on_start(move |client: Client| {
                let (count, flag) = (Arc::clone(&count), Arc::clone(&flag));
                async move {
                    // Takes its time: calls have to wait for it.
                    sleep(50 * MS).await;
                    let greeter = client.dispense::<GreeterPlugin>("greeter").await?;
                    greeter.say("configuration").await?;
                    flag.store(true, SeqCst);
                    count.fetch_add(1, SeqCst);
                    Ok(())
                }
            });
        let supervisor = within("the start", supervisor.start()).await.unwrap();
        let greeter = supervisor.dispense::<GreeterPlugin>("greeter").await.unwrap();
        assert_eq!(starts.load(SeqCst), 1);
        let_through.store(false, SeqCst);
        say(&greeter, "!exit 1").await.unwrap_err();
        assert_eq!(say(&greeter, "gopher").await.unwrap(), "hello gopher");
        assert!(let_through.load(SeqCst), "a call came before the configuration");
        assert_eq!(starts.load(SeqCst), 2);
        within("the stop", supervisor.stop()).await.unwrap();
    }
}

#[tokio::test]
async fn a_plugin_that_keeps_crashing_is_given_up() {
    for transport in TRANSPORTS {
        let supervisor = Supervisor::builder(make(transport)).backoff(MS, MS).max_restarts(2, 60_000 * MS);
        let supervisor = within("the start", supervisor.start()).await.unwrap();
        let greeter = supervisor.dispense::<GreeterPlugin>("greeter").await.unwrap();
        for _ in 0..3 {
            say(&greeter, "!exit 9").await.unwrap_err();
        }
        for error in [
            say(&greeter, "gopher").await.unwrap_err(),
            within("the error", supervisor.dispense::<GreeterPlugin>("greeter")).await.err().unwrap(),
            within("the error", supervisor.client()).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Disconnected);
            let text = "the plugin process ended: exit status: 9; it was started again 2 times within 60s and is given up";
            assert_eq!(error.to_string(), text);
        }
    }
}

#[tokio::test]
async fn a_call_waits_for_the_next_process_no_longer_than_its_limit() {
    for transport in TRANSPORTS {
        let supervisor = Supervisor::builder(move || make(transport)().call_timeout(200 * MS));
        let supervisor = supervisor.backoff(600_000 * MS, 600_000 * MS);
        let supervisor = within("the start", supervisor.start()).await.unwrap();
        let greeter = supervisor.dispense::<GreeterPlugin>("greeter").await.unwrap();
        say(&greeter, "!exit 1").await.unwrap_err();
        assert!(say(&greeter, "gopher").await.unwrap_err().is_timeout());
        // What is found out by hand need not wait for the pause to end.
        within("the replacement", supervisor.replace(make(transport))).await.unwrap();
        assert_eq!(say(&greeter, "gopher").await.unwrap(), "hello gopher");
        within("the stop", supervisor.stop()).await.unwrap();
    }
}

#[tokio::test]
async fn another_program_takes_over_without_a_lost_call() {
    for transport in TRANSPORTS {
        let (supervisor, greeter) = supervise(transport).await;
        let old = supervisor.client().await.unwrap();
        let slow = async { say(&greeter, "!sleep 1500ms").await };
        let replaced = async {
            sleep(200 * MS).await;
            let next = move || builder().command(rust_greeter(transport));
            within("the replacement", supervisor.replace(next)).await.unwrap();
            let new = supervisor.client().await.unwrap();
            assert!(new.id() != old.id() && !old.has_exited());
            assert_eq!(new.name(), "rust-greeter");
            assert_eq!(say(&greeter, "gopher").await.unwrap(), "hello gopher");
            // Only the new program knows this as a greeting.
            assert_eq!(say(&greeter, "!sleep 1h").await.unwrap(), "hello !sleep 1h");
        };
        let (slept, ()) = tokio::join!(slow, replaced);
        assert_eq!(slept.unwrap(), "done");
        let status = within("the old process to end", old.exited()).await;
        assert_eq!(status.and_then(|status| status.code()), Some(0));
        // And the new program is the one that is started again.
        say(&greeter, "!exit 1").await.unwrap_err();
        assert_eq!(say(&greeter, "!sleep 1h").await.unwrap(), "hello !sleep 1h");
        within("the stop", supervisor.stop()).await.unwrap();
    }
}

#[tokio::test]
async fn a_program_that_cannot_take_over_changes_nothing() {
    let (supervisor, greeter) = supervise(Protocol::NetRpc).await;
    let pid = supervisor.client().await.unwrap().id();
    let silent = || builder().command("false");
    let other = || builder().command(go_greeter(Protocol::Grpc));
    let failed: [Error; 2] = [
        within("the error", supervisor.replace(silent)).await.unwrap_err(),
        within("the error", supervisor.replace(other)).await.unwrap_err(),
    ];
    assert_eq!(failed[0].kind(), ErrorKind::ExitedBeforeHandshake);
    assert_eq!(failed[1].kind(), ErrorKind::Unsupported);
    assert_eq!(say(&greeter, "gopher").await.unwrap(), "hello gopher");
    assert_eq!(supervisor.client().await.unwrap().id(), pid);
    within("the stop", supervisor.stop()).await.unwrap();
}

#[tokio::test]
async fn brokered_connections_go_to_the_new_process() {
    for multiplex in [false, true] {
        let make = move || {
            let mut command = std::process::Command::new(go_program("grpcpeer"));
            command.arg("-plugin");
            Client::builder(HANDSHAKE)
                .plugin("peer", PeerPlugin)
                .allowed_protocols([Protocol::Grpc])
                .multiplex_grpc(multiplex)
                .command(command)
        };
        let supervisor = Supervisor::builder(make).backoff(MS, MS);
        let supervisor = within("the start", supervisor.start()).await.unwrap();
        let peer = supervisor.dispense::<PeerPlugin>("peer").await.unwrap();
        for _ in 0..3 {
            assert_eq!(within("the call back", peer.call_back()).await.unwrap(), b"called back");
            assert_eq!(within("the offer", peer.offer()).await.unwrap(), b"offered");
            let client = supervisor.client().await.unwrap();
            kill_hard(&client);
            within("the exit", client.exited()).await;
            // At once: what is served for a call that waits for the next process is served for that one.
            assert_eq!(within("the call back", peer.call_back()).await.unwrap(), b"called back");
            within("the replacement", supervisor.replace(make)).await.unwrap();
        }
        within("the stop", supervisor.stop()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_see_nothing_but_disconnections_whatever_happens_to_the_process() {
    for transport in TRANSPORTS {
        let (supervisor, greeter) = supervise(transport).await;
        let end = Arc::new(AtomicBool::new(false));
        let callers: Vec<_> = (0..8)
            .map(|n| {
                let (greeter, end) = (Arc::clone(&greeter), Arc::clone(&end));
                tokio::spawn(async move {
                    let (mut answered, mut lost) = (0, 0);
                    while !end.load(SeqCst) {
                        match say(&greeter, &n.to_string()).await {
                            Ok(said) => {
                                assert_eq!(said, format!("hello {n}"));
                                answered += 1;
                            }
                            Err(error) => {
                                assert!(error.is_disconnected(), "{error:?}");
                                lost += 1;
                            }
                        }
                    }
                    (answered, lost)
                })
            })
            .collect();
        for _ in 0..3 {
            let before = supervisor.client().await.unwrap();
            kill_hard(&before);
            within("the exit", before.exited()).await;
            sleep(50 * MS).await;
            within("the replacement", supervisor.replace(make(transport))).await.unwrap();
            sleep(50 * MS).await;
        }
        end.store(true, SeqCst);
        for caller in callers {
            let (answered, lost) = caller.await.unwrap();
            assert!(
                answered > 0 && lost <= 3,
                "{answered} answered, {lost} lost: one for each crash at most"
            );
        }
        within("the stop", supervisor.stop()).await.unwrap();
    }
}

#[tokio::test]
async fn dropping_the_supervisor_ends_the_plugin() {
    let (supervisor, greeter) = supervise(Protocol::Grpc).await;
    let pid = supervisor.client().await.unwrap().id();
    drop(supervisor);
    within("the end", async {
        while is_running(pid) {
            sleep(10 * MS).await;
        }
    })
    .await;
    assert!(say(&greeter, "gopher").await.unwrap_err().is_disconnected());
}
