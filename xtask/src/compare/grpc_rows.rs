//! The rows about gRPC: this project, Go, and tonic without this project.

use super::{
    figure::{CALLS, LATENCY, RESIDENT},
    rows::{BOTH, Language, Row, row},
};

pub(super) fn all() -> Vec<Row> {
    vec![
        row("grpc/call64", LATENCY, BOTH).tonic([0.95; 2]).go([1.1; 2]),
        row("grpc/call64/rust-go", LATENCY, BOTH)
            .work("grpc/call64")
            .ends(Language::Rust, Language::Go)
            .go([1.05; 2]),
        row("grpc/calls64x64", CALLS, BOTH).tonic([0.95; 2]).go([1.2; 2]),
        row("grpc/echo1m", LATENCY, BOTH).tonic([0.95; 2]).rival("tonic-default", [1.3; 2]).go([2.3; 2]),
        row("grpc/broker-dial", LATENCY, BOTH).go([1.5; 2]),
        row("grpc/broker-dial/multiplexed", LATENCY, BOTH).go([1.5; 2]),
        row("launch/first-call/grpc", LATENCY, BOTH).go([1.5; 2]),
        row("launch/first-call/grpc/automtls", LATENCY, BOTH).go([1.5; 2]),
        row("memory/idle-plugin/grpc", RESIDENT, BOTH).go([2.5; 2]),
    ]
}

impl Row {
    /// tonic without this project, over the same kind of socket and with the same settings.
    fn tonic<const N: usize>(self, targets: [f64; N]) -> Self {
        self.rival("tonic", targets)
    }
}
