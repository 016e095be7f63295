//! How large a buffer is worth keeping.

/// The least that is ever given back: below this an allocation is cheap to keep.
const KEEP: usize = 16 * 1024;

/// Follows how much of a buffer is used, so that a session that was busy once does not keep large buffers for
/// the rest of its life (a host may have hundreds of idle plugins).
#[derive(Debug, Default)]
pub(crate) struct Demand {
    recent: usize,
}

impl Demand {
    /// Notes one use. The largest counts, and fades within a dozen smaller ones.
    pub(crate) fn note(&mut self, used: usize) {
        self.recent = used.max(self.recent - self.recent / 4);
    }

    /// A buffer of this capacity is far larger than what was used lately.
    pub(crate) fn is_exceeded_by(&self, capacity: usize) -> bool {
        capacity > KEEP && capacity / 4 > self.recent
    }
}
