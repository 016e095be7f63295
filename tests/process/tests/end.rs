//! How plugins end, and how hosts end them.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod support;

use go_plugin::Fault;
use std::{
    os::unix::process::ExitStatusExt,
    process::Command,
    time::{Duration, Instant},
};
use support::{Collect, LONG, RUNTIMES, TRANSPORTS, eventually, exists, signal, start, start_with, state};
use tokio::time::timeout;

#[tokio::test]
async fn a_quit_plugin_ends_cleanly_and_without_a_warning() {
    let events = Collect::default();
    let writer = events.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_writer(move || writer.clone());
    let _capture = tracing::subscriber::set_default(subscriber.finish());
    for transport in TRANSPORTS {
        for round in 0..20 {
            let plugin = start(transport, RUNTIMES[round % 2]).await;
            let socket = plugin.socket();
            assert!(socket.exists());
            timeout(LONG, plugin.client.kill()).await.expect("kill hangs").unwrap();
            assert!(plugin.client.has_exited() && !exists(plugin.client.id()));
            let status = plugin.client.exited().await.unwrap();
            assert!(status.success(), "{transport} {round}: {status} {}", plugin.log.text());
            assert!(!socket.exists());
        }
    }
    assert_eq!(events.text(), "", "a clean quit deserves no warning");
}

#[tokio::test]
async fn killing_twice_or_at_once_is_fine() {
    for transport in TRANSPORTS {
        let plugin = start(transport, "multi-thread").await;
        let (first, second) = tokio::join!(plugin.client.kill(), plugin.client.kill());
        first.and(second).unwrap();
        plugin.client.kill().await.unwrap();
        let error = plugin.act("print 1").await.unwrap_err();
        assert!(error.is_disconnected(), "{error:?}");
    }
}

#[tokio::test]
async fn a_plugin_that_does_not_listen_is_killed_in_time() {
    for transport in TRANSPORTS {
        for order in ["stop", "block"] {
            let plugin = start(transport, "current-thread").await;
            let (pid, socket) = (plugin.client.id(), plugin.socket());
            if order == "stop" {
                signal("STOP", pid);
                eventually("the plugin is stopped", || state(pid) == Some('T')).await;
            } else {
                let blocked = timeout(Duration::from_millis(300), plugin.actor.act("block")).await;
                assert!(blocked.is_err());
            }
            let started = Instant::now();
            timeout(LONG, plugin.client.kill()).await.expect("kill hangs").unwrap();
            // Two steps of two seconds, and as much again for a slow machine; upstream takes 40 s or for ever.
            assert!(started.elapsed() < Duration::from_secs(20), "{order} took {:?}", started.elapsed());
            assert_eq!(plugin.client.exited().await.unwrap().signal(), Some(9), "{transport} {order}");
            assert!(!exists(pid) && !socket.exists());
        }
    }
}

#[tokio::test]
async fn a_plugin_that_stays_is_terminated_first_if_wanted() {
    for transport in TRANSPORTS {
        for (order, grace, expected) in [
            ("print 0", Some(LONG), 15),
            ("print 0", None, 9),
            ("ignore-terminate", Some(Duration::from_millis(100)), 9),
        ] {
            let stay = |command: &mut Command| {
                command.env("STAY", "1");
            };
            let plugin = start_with(transport, "multi-thread", stay, |builder| match grace {
                Some(grace) => builder.terminate_first(grace),
                None => builder,
            })
            .await;
            plugin.act(order).await.unwrap();
            timeout(LONG, plugin.client.kill()).await.expect("kill hangs").unwrap();
            let status = plugin.client.exited().await.unwrap();
            assert_eq!(status.signal(), Some(expected), "{transport} {order} {grace:?}");
        }
    }
}

#[tokio::test]
async fn a_dropped_client_leaves_neither_process_nor_socket() {
    for transport in TRANSPORTS {
        let plugin = start(transport, "multi-thread").await;
        let (pid, socket) = (plugin.client.id(), plugin.socket());
        let kept = plugin.client.clone();
        drop(plugin.client);
        drop(plugin.actor);
        assert!(exists(pid) && !kept.has_exited());
        drop(kept);
        eventually("the process is gone", || !exists(pid)).await;
        // The thread that reaped it comes to that next.
        eventually("its socket is removed", || !socket.exists()).await;
    }
}

#[tokio::test]
async fn a_death_is_noticed_at_once_and_fails_calls() {
    for transport in TRANSPORTS {
        let plugin = start(transport, "multi-thread").await;
        let grandchild: u32 = plugin.act("child").await.unwrap().parse().unwrap();
        signal("KILL", plugin.client.id());
        let status = timeout(LONG, plugin.client.exited()).await.expect("the grandchild hides it").unwrap();
        assert_eq!(status.signal(), Some(9));
        assert!(state(grandchild).is_some());
        let error = plugin.act("print 1").await.unwrap_err();
        assert_eq!(error.fault(), Fault::Disconnected, "{error:?}");
        assert!(!plugin.socket().exists());
        let started = Instant::now();
        plugin.client.kill().await.unwrap();
        assert!(started.elapsed() < Duration::from_secs(20), "waited for the grandchild");
        signal("KILL", grandchild);
    }
}

#[tokio::test]
async fn an_abort_during_a_call_is_told_with_its_signal() {
    for transport in TRANSPORTS {
        let plugin = start(transport, "multi-thread").await;
        let error = plugin.act("print-and-abort 10").await.unwrap_err();
        assert_eq!(error.fault(), Fault::Disconnected, "{transport}: {error:?}");
        let status = timeout(LONG, plugin.client.exited()).await.unwrap().unwrap();
        assert_eq!(status.signal(), Some(6), "{transport}");
    }
}

/// The host knows the shell alone, and kills it; the plugin notices that the pipes are closed.
#[tokio::test]
async fn a_plugin_behind_a_shell_ends_with_it() {
    for transport in TRANSPORTS {
        let wrap = |command: &mut Command| {
            let mut shell = Command::new("sh");
            shell.args(["-c", "\"$0\" \"$@\"; exit $?"]).arg(command.get_program()).args(command.get_args());
            shell.envs(command.get_envs().map(|(name, value)| (name, value.unwrap())));
            *command = shell;
        };
        let plugin = start_with(transport, "current-thread", wrap, |builder| builder).await;
        let pid: u32 = plugin.act("pid").await.unwrap().parse().unwrap();
        assert_ne!(pid, plugin.client.id());
        signal("KILL", plugin.client.id());
        eventually("the plugin has ended", || !matches!(state(pid), Some(state) if state != 'Z')).await;
    }
}

#[tokio::test]
async fn a_grandchild_with_the_pipes_does_not_delay_a_kill() {
    for transport in TRANSPORTS {
        let plugin = start(transport, "multi-thread").await;
        let grandchild: u32 = plugin.act("child").await.unwrap().parse().unwrap();
        let started = Instant::now();
        timeout(LONG, plugin.client.kill()).await.expect("kill hangs").unwrap();
        assert!(started.elapsed() < Duration::from_secs(20), "waited for the grandchild");
        assert!(plugin.client.exited().await.unwrap().success(), "{}", plugin.log.text());
        signal("KILL", grandchild);
    }
}

#[tokio::test]
async fn a_plugin_ignores_interrupts() {
    for transport in TRANSPORTS {
        for runtime in RUNTIMES {
            let plugin = start(transport, runtime).await;
            for _ in 0..3 {
                signal("INT", plugin.client.id());
                assert_eq!(plugin.act("print 1").await.unwrap(), "done");
            }
            plugin.client.kill().await.unwrap();
            assert!(plugin.client.exited().await.unwrap().success());
        }
    }
}
