//! What a plugin prints reaches its host, however the plugin ends.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod support;

use support::{LONG, RUNTIMES, TRANSPORTS, eventually, start};
use tokio::time::timeout;

fn lines(count: usize) -> String {
    (0..count).map(|i| format!("line {i}\n")).collect()
}

#[tokio::test]
async fn output_arrives_while_the_plugin_runs() {
    for transport in TRANSPORTS {
        for runtime in RUNTIMES {
            let plugin = start(transport, runtime).await;
            plugin.act("print 10").await.unwrap();
            eventually("ten lines have come", || plugin.stdout.text() == lines(10)).await;
            plugin.client.kill().await.unwrap();
        }
    }
}

#[tokio::test]
async fn output_before_a_quit_arrives_in_full_and_once() {
    for transport in TRANSPORTS {
        for runtime in RUNTIMES {
            let plugin = start(transport, runtime).await;
            plugin.act("print 5000").await.unwrap();
            timeout(LONG, plugin.client.kill()).await.expect("kill hangs").unwrap();
            let (stdout, log) = (plugin.stdout.text(), plugin.log.text());
            let expected = lines(5000);
            assert_eq!(stdout.len(), expected.len(), "{transport} {runtime}: {log}");
            assert!(stdout == expected && !log.contains("line "), "{transport} {runtime}");
        }
    }
}

/// A beginning comes through the protocol, the rest through the log; a piece in between perhaps twice.
#[tokio::test]
async fn output_before_an_exit_arrives_in_full() {
    for transport in TRANSPORTS {
        for runtime in RUNTIMES {
            let plugin = start(transport, runtime).await;
            let error = plugin.act("print-and-exit 5000").await.unwrap_err();
            assert!(error.is_disconnected(), "{error:?}");
            assert_eq!(plugin.client.exited().await.unwrap().code(), Some(3));
            plugin.client.kill().await.unwrap();
            let (stdout, log) = (plugin.stdout.text(), plugin.log.text());
            let printed = lines(5000);
            let rest = printed.strip_prefix(&stdout).expect("a beginning");
            assert!(
                log.ends_with(rest),
                "{transport} {runtime}: {} of {}, {log}",
                stdout.len(),
                printed.len()
            );
        }
    }
}

#[tokio::test]
async fn a_panicking_handler_is_an_error_and_the_plugin_lives_on() {
    for transport in TRANSPORTS {
        for runtime in RUNTIMES {
            let plugin = start(transport, runtime).await;
            plugin.act("print-and-panic 100").await.unwrap_err();
            assert_eq!(plugin.act("print 0").await.unwrap(), "done");
            plugin.client.kill().await.unwrap();
            assert_eq!(plugin.stdout.text(), lines(100));
            let log = plugin.log.text();
            assert!(log.contains("[ERROR] plugin panicked: told to ("), "{log}");
        }
    }
}

#[tokio::test]
async fn a_plugin_that_prints_more_than_anyone_takes_is_not_stopped() {
    for transport in TRANSPORTS {
        for runtime in RUNTIMES {
            let plugin = start(transport, runtime).await;
            assert_eq!(plugin.act("print 300000").await.unwrap(), "done");
            timeout(LONG, plugin.client.kill()).await.expect("kill hangs").unwrap();
            let came = plugin.stdout.text().len() + plugin.log.text().len();
            assert!(came >= lines(300_000).len(), "{transport} {runtime}: {came}");
        }
    }
}
