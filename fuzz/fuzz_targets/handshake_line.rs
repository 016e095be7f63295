//! The line that a plugin prints: any text is a line that survives being written and read again, or an error.
#![no_main]

use go_plugin::{Fault, HandshakeLine};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match text.parse::<HandshakeLine>() {
        Ok(line) => assert_eq!(line.to_string().parse::<HandshakeLine>().expect("written by us"), line),
        Err(error) => {
            assert!(matches!(error.fault(), Fault::Plugin | Fault::Version | Fault::Security), "{error:?}");
            assert!(error.to_string().len() < 16 * 1024 + text.len(), "an error must not multiply its cause");
        }
    }
});
