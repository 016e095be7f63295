//! The names on the control stream, the same on both sides.

/// Liveness and shutdown.
pub(super) const CONTROL: &str = "Control";
/// Makes objects.
pub(super) const DISPENSER: &str = "Dispenser";
/// What a dispensed object answers as.
pub(super) const PLUGIN: &str = "Plugin";

pub(super) const PING: &str = "Ping";
pub(super) const QUIT: &str = "Quit";
/// Ours, served by plugins that state a version. Hosts on Go's library never ask.
pub(super) const VERSION: &str = "Version";
pub(super) const DISPENSE: &str = "Dispense";
