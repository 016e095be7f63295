//! Limits and timers of a session.

use std::time::Duration;

/// The window every stream starts with, in both directions (yamux: 256 KiB, fixed by the protocol).
pub const INITIAL_WINDOW: u32 = 256 * 1024;

/// What the window of a busy stream grows to: a message of a mebibyte crosses without waiting for credit.
const GROWN_WINDOW: u32 = 1024 * 1024;

/// Longer timers count as this: a deadline must be a time that the clock can show.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Limits and timers of a session. The defaults are those of `hashicorp/yamux`, which go-plugin uses as they
/// are. Every timer can be switched off with `None`, for instance under a debugger; zero counts as that.
///
/// ```
/// use std::time::Duration;
/// let patient = muxbroker::Config { keepalive_interval: None, ..Default::default() };
/// let brisk = muxbroker::Config { stream_open_timeout: Some(Duration::from_secs(5)), ..Default::default() };
/// # let _ = (patient, brisk);
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    /// Streams that this side may have opened without the peer having accepted them yet, and streams of the
    /// peer that may wait here to be accepted; one more of the peer's is reset. Default 256; 0 counts as 1. Each may hold a window of data
    /// (64 MiB in all by default).
    /// Go: `AcceptBacklog`.
    pub accept_backlog: usize,
    /// How often an otherwise idle session asks whether the peer is alive. Default 30 s.
    /// Go: `EnableKeepAlive`, `KeepAliveInterval`.
    pub keepalive_interval: Option<Duration>,
    /// How long the peer may be silent after such a question, or leave a [`ping`](crate::Session::ping)
    /// unanswered. Default 10 s; `None` waits for ever. Go uses `ConnectionWriteTimeout` for this.
    pub keepalive_timeout: Option<Duration>,
    /// A stream's write fails when the connection takes no byte for this long. Default 10 s.
    /// Go: `ConnectionWriteTimeout`.
    pub connection_write_timeout: Option<Duration>,
    /// How long the peer may take to accept a stream before that stream is reset. Default 75 s.
    ///
    /// Go's `StreamOpenTimeout` closes the whole session, and every other stream with it; here the other
    /// streams live on.
    pub stream_open_timeout: Option<Duration>,
    /// How long a stream that was finished and dropped here may wait for the peer to finish it too, before
    /// it is reset. Default 5 min. Go: `StreamCloseTimeout`.
    ///
    /// Unlike Go's, the timer does not run while somebody here still reads the stream: an answer that takes
    /// longer is not a leak.
    pub stream_close_timeout: Option<Duration>,
    /// Bytes that the peer may send on one stream before they are read. Default 256 KiB; smaller values
    /// count as that, since the protocol starts there. Go: `MaxStreamWindowSize`.
    pub max_stream_window: u32,
    /// The same for a stream that is read as fast as it is sent: its window doubles up to this, each time that nothing
    /// waits to be read when credit is due. Default 1 MiB; [`max_stream_window`](Self::max_stream_window) or less keeps windows as they
    /// are. Go's never grow, but its senders use what they are granted.
    pub grown_stream_window: u32,
    /// How long the end of a session may take to flush what is queued. Default 2 s. Go does not flush.
    pub close_timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            accept_backlog: 256,
            keepalive_interval: Some(Duration::from_secs(30)),
            keepalive_timeout: Some(Duration::from_secs(10)),
            connection_write_timeout: Some(Duration::from_secs(10)),
            stream_open_timeout: Some(Duration::from_secs(75)),
            stream_close_timeout: Some(Duration::from_secs(300)),
            max_stream_window: INITIAL_WINDOW,
            grown_stream_window: GROWN_WINDOW,
            close_timeout: Duration::from_secs(2),
        }
    }
}

impl Config {
    /// The configuration with values that cannot work replaced by the nearest that can.
    pub(crate) fn clamped(mut self) -> Self {
        let timers = [
            &mut self.keepalive_interval,
            &mut self.keepalive_timeout,
            &mut self.connection_write_timeout,
            &mut self.stream_open_timeout,
            &mut self.stream_close_timeout,
        ];
        for timer in timers {
            *timer = timer.filter(|time| !time.is_zero()).map(|time| time.min(LONGEST));
        }
        self.accept_backlog = self.accept_backlog.max(1);
        self.max_stream_window = self.max_stream_window.max(INITIAL_WINDOW);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_cannot_work_become_the_nearest_that_can() {
        const TEN_YEARS: u64 = 315_360_000;
        for (given, timer) in [
            (None, None),
            (Some(0), None),
            (Some(1), Some(1)),
            (Some(TEN_YEARS), Some(TEN_YEARS)),
            (Some(u64::MAX), Some(TEN_YEARS)),
        ] {
            let given = given.map(Duration::from_secs);
            let config = Config {
                keepalive_interval: given,
                keepalive_timeout: given,
                connection_write_timeout: given,
                stream_open_timeout: given,
                stream_close_timeout: given,
                ..Config::default()
            };
            let config = config.clamped();
            let timers = [
                config.keepalive_interval,
                config.keepalive_timeout,
                config.connection_write_timeout,
                config.stream_open_timeout,
                config.stream_close_timeout,
            ];
            assert_eq!(timers, [timer.map(Duration::from_secs); 5], "{given:?}");
        }
        for (given, expected) in
            [((0, 0), (1, 262_144)), ((1, 262_143), (1, 262_144)), ((9, 262_145), (9, 262_145))]
        {
            let config = Config { accept_backlog: given.0, max_stream_window: given.1, ..Config::default() };
            let config = config.clamped();
            assert_eq!((config.accept_backlog, config.max_stream_window), expected);
        }
    }
}
