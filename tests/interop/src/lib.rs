//! What the tests against Go programs share: building those programs, running them, talking to them.
//!
//! [`go_program`] builds one of ours (`tests/interop/go`), [`go_program_on`] the same on an older go-plugin, [`upstream`] and [`pinned`] somebody else's at exact versions.
//! All build once into the cargo target directory; later calls, other tests and other processes find the result there.
//!
//! A program of ours takes one command a line on stdin, answers with one line on stdout, and ends when stdin does, so
//! that not even a killed test leaves it behind. [`Peer`] is one such process.

pub mod argo;
mod build;
pub mod certificates;
pub mod courier;
mod events;
pub mod evolution;
mod examples;
pub mod functions;
pub mod greeter;
pub mod grpc_peer;
mod host_output;
mod link;
mod pattern;
mod peer;
mod proxy;
mod python;
pub mod ruleset;
mod run;

pub use build::{go_program, go_program_on, pinned, target_dir, upstream};
pub use events::{Logged, logged, record_events};
pub use examples::{RELEASES, example, upstream_example};
pub use host_output::Collected;
pub use link::connect;
pub use pattern::{read_pattern, read_pattern_to_end, write_pattern};
pub use peer::Peer;
pub use python::python_with;
pub use run::{DEADLINE, Ran, is_running, run, stop, within};
