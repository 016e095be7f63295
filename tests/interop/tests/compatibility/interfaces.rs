//! Rust hosts and plugins of another generation.

use std::process::Command;

use go_plugin::{Client, ErrorKind, Plugin};
use interop_tests::{
    evolution::{ANNOUNCER, GREETER, new, old},
    greeter::HANDSHAKE,
    within,
};

use crate::plugins;

async fn start(greeter: impl Plugin, command: Command) -> Client {
    let builder = Client::builder(HANDSHAKE)
        .plugin(GREETER, greeter)
        .plugin(ANNOUNCER, new::AnnouncerPlugin::client())
        .command(command);
    within("the plugin to start", builder.start()).await.unwrap()
}

fn gopher() -> new::Person {
    new::Person { email: "e@x".into(), age: 7, name: "gopher".into() }
}

#[tokio::test]
async fn a_new_host_goes_on_with_an_old_plugin() {
    for command in plugins(&[]) {
        let about = format!("{command:?}");
        let client = start(new::GreeterPlugin::client(), command).await;
        let greeter = within("the greeter", client.dispense::<new::GreeterPlugin>(GREETER)).await.unwrap();

        let lacking = within("the error", greeter.hi()).await.unwrap_err();
        assert_eq!(
            (lacking.kind(), lacking.to_string().as_str()),
            (ErrorKind::Remote, "rpc: can't find method Plugin.Hi")
        );

        // The plugin ignores a field that it does not know, whatever the order; what it does not send is zero.
        let greeting = within("a greeting", greeter.greet(&gopher())).await.unwrap();
        let expected = new::Greeting { language: String::new(), text: "gopher is 7".into() };
        assert_eq!(greeting, expected, "{about}");
        assert_eq!(
            within("a description", greeter.describe("gopher", 3)).await.unwrap(),
            "gopher",
            "{about}"
        );

        let unfit = within("the error", greeter.double("21")).await.unwrap_err();
        assert_eq!(unfit.kind(), ErrorKind::Remote, "{about}: {unfit:?}");
        // Go's `int` is our `i64`, which calls itself `int64`.
        let text = unfit.to_string().replace("*int64", "*int");
        assert_eq!(text, "gob: decoding into local type *int, received remote type string", "{about}");
        let unfit = within("the error", greeter.walk(new::Metres { metres: 3 })).await.unwrap_err();
        let text = "gob: type mismatch: no fields matched compiling decoder for Steps";
        assert_eq!((unfit.kind(), unfit.to_string().as_str()), (ErrorKind::Remote, text), "{about}");
        assert_eq!(within("a greeting", greeter.greet(&gopher())).await.unwrap(), expected, "{about}");
        within("the kill", client.kill()).await.unwrap();
    }
}

#[tokio::test]
async fn an_old_host_goes_on_with_a_new_plugin() {
    for command in plugins(&["-new"]) {
        let about = format!("{command:?}");
        let client = start(old::GreeterPlugin::client(), command).await;
        let greeter = within("the greeter", client.dispense::<old::GreeterPlugin>(GREETER)).await.unwrap();
        let person = old::Person { name: "gopher".into(), age: 7 };
        let expected = old::Greeting { text: "gopher <> is 7".into() };
        assert_eq!(within("a greeting", greeter.greet(&person)).await.unwrap(), expected, "{about}");
        assert_eq!(within("a description", greeter.describe("gopher")).await.unwrap(), "gopher 0", "{about}");
        let unfit = within("the error", greeter.double(21)).await.unwrap_err();
        let text = "gob: decoding into local type *string, received remote type int";
        assert_eq!((unfit.kind(), unfit.to_string().as_str()), (ErrorKind::Remote, text), "{about}");
        let unfit = within("the error", greeter.walk(old::Steps { steps: 3 })).await.unwrap_err();
        let text = "gob: type mismatch: no fields matched compiling decoder for Metres";
        assert_eq!((unfit.kind(), unfit.to_string().as_str()), (ErrorKind::Remote, text), "{about}");
        assert_eq!(within("a greeting", greeter.greet(&person)).await.unwrap(), expected, "{about}");
        within("the kill", client.kill()).await.unwrap();
    }
}

#[tokio::test]
async fn a_host_probes_for_a_second_interface() {
    for (args, has_it) in [(&[][..], false), (&["-new"][..], true)] {
        for command in plugins(args) {
            let about = format!("{command:?}");
            let client = start(new::GreeterPlugin::client(), command).await;
            let probed = within("the answer", client.dispense::<new::AnnouncerPlugin>(ANNOUNCER)).await;
            match probed {
                Ok(announcer) if has_it => {
                    let announced = within("the announcement", announcer.announce()).await.unwrap();
                    assert_eq!(announced, "ladies and gentlemen", "{about}");
                }
                Err(error) if !has_it => {
                    assert_eq!(error.kind(), ErrorKind::Remote, "{about}: {error:?}");
                    assert_eq!(error.to_string(), "unknown plugin type: announcer", "{about}");
                }
                probed => panic!("{about}: {probed:?}", probed = probed.map(drop)),
            }
            // Either way the first one is there.
            let greeter =
                within("the greeter", client.dispense::<new::GreeterPlugin>(GREETER)).await.unwrap();
            let greeting = within("a greeting", greeter.greet(&gopher())).await.unwrap();
            assert!(greeting.text.ends_with(" is 7"), "{about}: {greeting:?}");
            within("the kill", client.kill()).await.unwrap();
        }
    }
}
