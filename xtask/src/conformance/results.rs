//! What `cargo test` printed, as outcomes by name.

use std::collections::BTreeMap;

/// Outcomes of tests by `BINARY::PATH`: the path that the test harness prints, after the name of the test's binary.
/// Binaries of one name in two packages share the names of their tests, and a test that fails in one of them failed.
#[derive(Debug, Default)]
pub(super) struct Results(BTreeMap<String, bool>);

impl Results {
    /// Why `test` is not evidence: it failed, or it did not run.
    pub(super) fn objection(&self, test: &str) -> Option<&'static str> {
        match self.0.get(test) {
            Some(true) => None,
            Some(false) => Some("has failed"),
            None => Some("has not run"),
        }
    }
}

impl<'a> FromIterator<&'a str> for Results {
    fn from_iter<I: IntoIterator<Item = &'a str>>(lines: I) -> Self {
        let mut outcomes = BTreeMap::new();
        let mut binary = String::new();
        for line in lines {
            if let Some(name) = binary_name(line) {
                binary = name.to_owned();
            } else if let Some((test, passed)) = outcome(line) {
                let entry = outcomes.entry(format!("{binary}::{test}")).or_insert(true);
                *entry &= passed;
            }
        }
        Self(outcomes)
    }
}

/// `     Running tests/start.rs (target/debug/deps/start-0123456789abcdef)` names the binary `start`.
fn binary_name(line: &str) -> Option<&str> {
    let line = line.trim_start();
    if let Some(package) = line.strip_prefix("Doc-tests ") {
        return Some(package);
    }
    let path = line.strip_prefix("Running ")?.strip_suffix(')')?.rsplit_once('(')?.1;
    let file = path.rsplit(['/', '\\']).next()?;
    Some(file.rsplit_once('-').map_or(file, |(name, _)| name))
}

/// `test path::of::the_test ... ok`
fn outcome(line: &str) -> Option<(&str, bool)> {
    let (test, outcome) = line.strip_prefix("test ")?.rsplit_once(" ... ")?;
    match outcome {
        "ok" => Some((test, true)),
        "FAILED" => Some((test, false)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
   Compiling go-plugin v0.1.0
     Running unittests src/lib.rs (target/debug/deps/go_plugin-0123456789abcdef)

running 2 tests
test negotiate::tests::the_highest_wins ... ok
test registry::tests::an_unknown_name ... FAILED
     Running tests/end.rs (target/debug/deps/end-0123456789abcdef)
test a_quit_plugin_ends ... ok
test a_benchmark ... bench: 12 ns/iter
   Doc-tests go_plugin
test src/lib.rs - serve (line 3) ... ok
";

    #[test]
    fn outcomes_are_found_under_the_name_of_their_binary() {
        let results: Results = OUTPUT.lines().collect();
        for (test, objection) in [
            ("go_plugin::negotiate::tests::the_highest_wins", None),
            ("go_plugin::registry::tests::an_unknown_name", Some("has failed")),
            ("end::a_quit_plugin_ends", None),
            ("start::a_quit_plugin_ends", Some("has not run")),
            ("end::a_benchmark", Some("has not run")),
        ] {
            assert_eq!(results.objection(test), objection, "{test}");
        }
    }

    #[test]
    fn a_failure_counts_where_two_binaries_share_a_name() {
        let output =
            "Running a (x/deps/broker-1)\ntest t ... FAILED\nRunning b (x/deps/broker-2)\ntest t ... ok";
        let results: Results = output.lines().collect();
        assert_eq!(results.objection("broker::t"), Some("has failed"));
    }
}
