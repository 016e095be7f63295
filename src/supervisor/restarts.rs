//! When a process is started again, and when no more. Time is an argument.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// The restarts of late.
#[derive(Clone, Debug)]
pub(super) struct Restarts {
    pub(super) first: Duration,
    pub(super) longest: Duration,
    pub(super) max: usize,
    pub(super) window: Duration,
    at: VecDeque<Instant>,
}

impl Default for Restarts {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(100),
            longest: Duration::from_secs(10),
            max: 5,
            window: Duration::from_secs(60),
            at: VecDeque::new(),
        }
    }
}

impl Restarts {
    /// How long to wait before one more; `None` if there were enough.
    pub(super) fn next(&mut self, now: Instant) -> Option<Duration> {
        while self.at.front().is_some_and(|at| now.saturating_duration_since(*at) > self.window) {
            self.at.pop_front();
        }
        if self.at.len() >= self.max {
            return None;
        }
        let doublings = u32::try_from(self.at.len()).unwrap_or(u32::MAX);
        self.at.push_back(now);
        Some(self.first.saturating_mul(2_u32.saturating_pow(doublings)).min(self.longest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_until_there_were_enough_restarts_in_the_window() {
        let mut restarts = Restarts { longest: Duration::from_millis(500), ..Restarts::default() };
        let (start, ms) = (Instant::now(), Duration::from_millis);
        let seconds = |n| start + Duration::from_secs(n);
        for (n, expected) in [
            (0, Some(ms(100))),
            (1, Some(ms(200))),
            (2, Some(ms(400))),
            (3, Some(ms(500))),
            (4, Some(ms(500))),
            (5, None),
            (61, Some(ms(500))), // the first is forgotten
            (62, Some(ms(500))),
            (200, Some(ms(100))), // all are
        ] {
            assert_eq!(restarts.next(seconds(n)), expected, "{n}");
        }
    }

    #[test]
    fn none_allowed_is_none() {
        let mut restarts = Restarts { max: 0, ..Restarts::default() };
        assert_eq!(restarts.next(Instant::now()), None);
    }
}
