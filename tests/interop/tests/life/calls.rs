//! Limits of calls to Go plugins.

use std::time::Duration;

use go_plugin::ErrorKind;
use interop_tests::{greeter::GreeterPlugin, within};

use crate::support::{TRANSPORTS, builder, go_greeter};

/// Over net/rpc Go's own server does not know cancellation, and goes on all the same.
#[tokio::test]
async fn a_call_that_a_go_plugin_does_not_answer_in_time_fails_alone() {
    for transport in TRANSPORTS {
        let dir = tempfile::tempdir().unwrap();
        let builder =
            builder().command(go_greeter(transport)).call_timeout(Duration::from_secs(2)).send_cancel(true);
        let client = within("the plugin", builder.start()).await.unwrap();
        let greeter = within("the greeter", client.dispense::<GreeterPlugin>("greeter")).await.unwrap();
        let hang = format!("!hang {}", dir.path().join("pid").display());
        let error = within("the end of the call", greeter.say(&hang)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{transport}: {error:?}");
        assert_eq!(within("the greeting", greeter.say("gopher")).await.unwrap(), "hello gopher");
        within("the kill", client.kill()).await.unwrap();
    }
}
