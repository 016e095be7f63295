//! Credit: how much each side may send before the other has read.

use crate::config::INITIAL_WINDOW;
use crate::error::Violation;

/// How many bytes this side may still send on a stream.
#[derive(Debug)]
pub(crate) struct SendWindow(u32);

impl SendWindow {
    pub(crate) fn new() -> Self {
        Self(INITIAL_WINDOW)
    }

    pub(crate) fn available(&self) -> usize {
        self.0 as usize
    }

    /// Takes `bytes` that were just queued; the caller has asked [`available`](Self::available).
    pub(crate) fn consume(&mut self, bytes: u32) {
        self.0 = self.0.saturating_sub(bytes);
    }

    pub(crate) fn grant(&mut self, credit: u32) -> Result<(), Violation> {
        self.0 = self.0.checked_add(credit).ok_or(Violation::WindowOverflow)?;
        Ok(())
    }
}

/// How many bytes the peer may still send on a stream.
///
/// Credit is computed from bytes that arrived, not from the length that a frame announces: otherwise a slow
/// large frame would have its unsent part granted a second time.
#[derive(Debug)]
pub(crate) struct ReceiveWindow {
    size: u32,
    /// What `size` may grow to.
    limit: u32,
    outstanding: u32,
}

impl ReceiveWindow {
    pub(crate) fn new(size: u32, limit: u32) -> Self {
        Self { size, limit, outstanding: INITIAL_WINDOW }
    }

    /// Checks a data frame of `length` bytes before any of them is taken.
    pub(crate) fn admit(&self, length: u32) -> Result<(), Violation> {
        if length > self.outstanding { Err(Violation::WindowExceeded) } else { Ok(()) }
    }

    pub(crate) fn arrived(&mut self, bytes: u32) {
        self.outstanding = self.outstanding.saturating_sub(bytes);
    }

    /// All the credit that can be granted while `buffered` bytes wait to be read.
    pub(crate) fn grant_now(&mut self, buffered: usize) -> u32 {
        let buffered = u32::try_from(buffered).unwrap_or(u32::MAX);
        let credit = self.size.saturating_sub(buffered).saturating_sub(self.outstanding);
        self.outstanding += credit;
        credit
    }

    /// The same, once it is worth a frame of its own: half a window (yamux: `max/2`).
    pub(crate) fn grant_if_due(&mut self, buffered: usize) -> Option<u32> {
        self.is_due(buffered).then(|| self.grant_now(buffered))
    }

    /// The same after something was read. A reader that has left nothing is faster than the window lets the sender be: it grows.
    pub(crate) fn grant_to_reader(&mut self, buffered: usize) -> Option<u32> {
        if buffered == 0 && self.is_due(0) {
            self.size = self.size.max(self.size.saturating_mul(2).min(self.limit));
        }
        self.grant_if_due(buffered)
    }

    pub(crate) fn is_due(&self, buffered: usize) -> bool {
        let buffered = u32::try_from(buffered).unwrap_or(u32::MAX);
        self.size.saturating_sub(buffered).saturating_sub(self.outstanding) >= self.size / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: u32 = INITIAL_WINDOW;

    #[test]
    fn a_window_admits_what_is_outstanding_and_not_a_byte_more() {
        let mut window = ReceiveWindow::new(WINDOW, WINDOW);
        assert!(window.admit(WINDOW).is_ok());
        assert_eq!(window.admit(WINDOW + 1), Err(Violation::WindowExceeded));
        window.arrived(1000);
        assert!(window.admit(WINDOW - 1000).is_ok());
        assert_eq!(window.admit(WINDOW - 999), Err(Violation::WindowExceeded));
    }

    #[test]
    fn credit_is_due_from_half_a_window_on_and_what_waits_to_be_read_counts() {
        for (arrived, buffered, credit) in [
            (WINDOW / 2 - 1, 0, None),
            (WINDOW / 2, 0, Some(WINDOW / 2)),
            (WINDOW / 2, 1, None),
            (WINDOW, 100, Some(WINDOW - 100)),
            (WINDOW, usize::MAX, None),
        ] {
            let mut window = ReceiveWindow::new(WINDOW, WINDOW);
            window.arrived(arrived);
            assert_eq!(window.is_due(buffered), credit.is_some(), "{arrived} arrived, {buffered} unread");
            assert_eq!(window.grant_if_due(buffered), credit, "{arrived} arrived, {buffered} unread");
            // What was granted is outstanding.
            assert!(window.admit(WINDOW - arrived + credit.unwrap_or(0)).is_ok());
            assert!(window.admit(WINDOW - arrived + credit.unwrap_or(0) + 1).is_err());
        }
    }

    #[test]
    fn window_doubles_up_to_its_limit_when_all_was_read_as_credit_was_due() {
        for (limit, buffered, credit) in [
            (WINDOW, 0, WINDOW),
            (WINDOW - 1, 0, WINDOW),
            (0, 0, WINDOW),
            (2 * WINDOW, 0, 2 * WINDOW),
            (3 * WINDOW, 0, 2 * WINDOW),
            (WINDOW + 1, 0, WINDOW + 1),
            (3 * WINDOW, 1, WINDOW - 1),
        ] {
            let mut window = ReceiveWindow::new(WINDOW, limit);
            window.arrived(WINDOW);
            assert_eq!(window.grant_to_reader(buffered), Some(credit), "limit {limit}, {buffered} unread");
        }
        let mut window = ReceiveWindow::new(WINDOW, 3 * WINDOW);
        window.arrived(WINDOW);
        assert_eq!(window.grant_to_reader(0), Some(2 * WINDOW));
        window.arrived(WINDOW - 1);
        assert_eq!(window.grant_to_reader(0), None, "half of the new window is not used yet");
        window.arrived(1);
        assert_eq!(window.grant_to_reader(0), Some(2 * WINDOW), "one that was used, and one to grow");
        let mut largest = ReceiveWindow::new(u32::MAX, u32::MAX);
        largest.arrived(WINDOW);
        assert_eq!(largest.grant_to_reader(0), Some(u32::MAX));
    }

    #[test]
    fn the_peers_window_shrinks_with_what_is_sent_and_grows_with_its_credit_up_to_32_bits() {
        let mut window = SendWindow::new();
        assert_eq!(window.available(), 262_144);
        window.consume(262_000);
        assert_eq!(window.available(), 144);
        assert!(window.grant(u32::MAX - 144).is_ok());
        assert_eq!(window.available(), u32::MAX as usize);
        assert_eq!(window.grant(1), Err(Violation::WindowOverflow));
    }
}
