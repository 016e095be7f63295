//! How long the rows may take together, where that is limited. Time is an argument.

use std::time::Duration;

/// The shortest run: one batch of what is measured in batches.
const LEAST: Duration = Duration::from_millis(10);

/// A row's part of the time that is left: as much as each of the rows that are left.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share(Option<Duration>);

impl Share {
    /// `limit` is for all rows, of which some are left after `spent`.
    pub(super) fn new(limit: Option<Duration>, spent: Duration, rows_left: usize) -> Self {
        let rows = u32::try_from(rows_left.max(1)).unwrap_or(u32::MAX);
        Self(limit.map(|limit| limit.saturating_sub(spent) / rows))
    }

    /// What one of the row's contestants measures in a round: `wanted`, if the first round has the time. To start and end
    /// a contestant takes about as long again.
    pub(super) fn of_each(self, contestants: usize, wanted: Duration) -> Duration {
        let runs = u32::try_from(2 * contestants.max(1)).unwrap_or(u32::MAX);
        self.0.map_or(wanted, |share| (share / runs).clamp(LEAST, wanted))
    }

    /// Whether another round fits in, after `done` of them in the time `spent`. The first always does: no row is left out.
    pub(super) fn has_room(self, done: usize, spent: Duration) -> bool {
        let Some(share) = self.0 else { return true };
        let rounds = u32::try_from(done).unwrap_or(u32::MAX);
        rounds == 0 || spent + spent / rounds <= share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn what_is_left_is_shared_among_the_rows_that_are_left() {
        // Limit, spent, rows left; then what each of three contestants has of a round of 60 ms, and the rounds of 120 ms each.
        for (limit, spent, rows, each, rounds) in [
            (None, 0, 30, 60, usize::MAX),
            (Some(36_000), 0, 100, 60, 3),
            (Some(36_000), 24_000, 100, 20, 1),
            (Some(36_000), 24_000, 10, 60, 10),
            (Some(36_000), 40_000, 10, 10, 1), // too late, and not left out
        ] {
            let share = Share::new(limit.map(|limit| limit * MS), spent * MS, rows);
            assert_eq!(share.of_each(3, 60 * MS), each * MS, "{limit:?} {spent} {rows}");
            let fit = (0..20).take_while(|done| share.has_room(*done, 120 * MS * *done as u32)).count();
            assert_eq!(fit, rounds.min(20), "{limit:?} {spent} {rows}");
        }
    }
}
