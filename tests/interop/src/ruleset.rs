//! What tflint 0.64 and its rulesets have in common.

use go_plugin::Handshake;

/// Generated from `proto/tflint/tflint.proto`.
#[allow(missing_docs, clippy::all, reason = "generated")]
#[path = "generated/tflint/proto.rs"]
pub mod proto;

/// That of tflint.
pub const HANDSHAKE: Handshake = Handshake::new(
    11,
    "TFLINT_RULESET_PLUGIN",
    "5adSn1bX8nrDfgBqiAqqEkC6OE1h3iD8SqbMc5UUONx8x3xCF0KlPDsBRNDjoYDP",
);

/// The name under which rulesets serve.
pub const NAME: &str = "ruleset";
