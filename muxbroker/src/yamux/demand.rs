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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_too_large_beyond_four_times_the_demand_and_sixteen_kibibytes() {
        for (used, capacity, exceeded) in [
            (0, 16_384, false),
            (0, 16_385, true),
            (5000, 20_000, false),
            (5000, 20_003, false),
            (5000, 20_004, true),
            (100_000, 256 * 1024, false),
        ] {
            let mut demand = Demand::default();
            demand.note(used);
            assert_eq!(demand.is_exceeded_by(capacity), exceeded, "{capacity} after {used}");
        }
    }

    #[test]
    fn demand_is_the_largest_use_and_fades_by_a_quarter_with_each_smaller_one() {
        let mut demand = Demand::default();
        for (used, recent) in [(1000, 1000), (4000, 4000), (1, 3000), (2250, 2250), (2000, 2000), (0, 1500)] {
            demand.note(used);
            assert_eq!(demand.recent, recent, "after {used}");
        }
    }
}
