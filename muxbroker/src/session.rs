//! The session as its user sees it.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;

use crate::config::Config;
use crate::driver::{self, Handle, Shared, now};
use crate::error::{Error, Kind};
use crate::stats::Stats;
use crate::stream::Stream;
use crate::yamux::{Role, StreamKey};

/// One yamux session over a byte stream.
///
/// Clones are handles on the same session. It ends with [`close`](Self::close), with the connection, or when
/// the last clone and the last [`Stream`] are dropped; then its two tasks end too. Methods may be called from
/// any task, and dropping any of their futures loses nothing.
#[derive(Clone)]
pub struct Session {
    handle: Handle,
}

impl Session {
    /// Starts the side that connected (go-plugin: the host); its streams have odd ids.
    ///
    /// Spawns two tasks on the current tokio runtime, whose timers must be enabled. Unix and TCP sockets are
    /// split without a lock; hand them over as they are. Go: `yamux.Client`.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn client<T>(io: T, config: Config) -> Self
    where
        T: AsyncRead + AsyncWrite + Send + 'static,
    {
        Self { handle: driver::start(io, Role::Client, config) }
    }

    /// Starts the side that was connected to (go-plugin: the plugin); its streams have even ids.
    /// Go: `yamux.Server`. See [`client`](Self::client).
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn server<T>(io: T, config: Config) -> Self
    where
        T: AsyncRead + AsyncWrite + Send + 'static,
    {
        Self { handle: driver::start(io, Role::Server, config) }
    }

    /// [`client`](Self::client) over a connection that is in two halves already. They are used at once and without a lock:
    /// the way for sockets that hide in a type of one's own.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn client_halves<R, W>(read: R, write: W, config: Config) -> Self
    where
        R: AsyncRead + Send + Unpin + 'static,
        W: AsyncWrite + Send + Unpin + 'static,
    {
        Self { handle: driver::start_halves(Box::new(read), Box::new(write), Role::Client, config) }
    }

    /// [`server`](Self::server) over a connection that is in two halves already.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn server_halves<R, W>(read: R, write: W, config: Config) -> Self
    where
        R: AsyncRead + Send + Unpin + 'static,
        W: AsyncWrite + Send + Unpin + 'static,
    {
        Self { handle: driver::start_halves(Box::new(read), Box::new(write), Role::Server, config) }
    }

    fn shared(&self) -> &Arc<Shared> {
        self.handle.shared()
    }

    /// Opens a stream. The peer is told at once, and the stream can be written at once.
    ///
    /// Waits while [`accept_backlog`](Config::accept_backlog) streams opened here are not accepted yet; that
    /// ends at the latest with the open timeout of one of them. Go: `Session.Open`.
    ///
    /// # Errors
    /// The session is over ([`is_session_over`](Error::is_session_over)), the peer takes no more streams
    /// ([`is_go_away`](Error::is_go_away)) or the 2³¹ ids are used up.
    ///
    /// # Cancel safety
    /// A dropped future has opened nothing.
    pub async fn open(&self) -> Result<Stream, Error> {
        let shared = self.shared();
        loop {
            let permit = shared.opens.acquire().await.ok();
            shared.with(|core| core.conn.check_open())?;
            let permit = permit.ok_or_else(|| Error::new(Kind::LocalClosed))?;
            let now = now();
            if let Some((key, id)) = shared.with(|core| open_now(core, now))? {
                permit.forget();
                return Ok(Stream::new(Handle::new(shared), key, id));
            }
        }
    }

    /// The next stream that the peer opened, which is told of its acceptance at once.
    ///
    /// Waits without a deadline: a peer may never open one. It ends when the session does. Go:
    /// `Session.Accept`.
    ///
    /// # Errors
    /// The session is over.
    ///
    /// # Cancel safety
    /// A dropped future has accepted nothing.
    pub async fn accept(&self) -> Result<Stream, Error> {
        accept(self.shared()).await
    }

    /// Measures a round trip. Go: `Session.Ping`.
    ///
    /// # Errors
    /// No answer within [`keepalive_timeout`](Config::keepalive_timeout)
    /// ([`is_timeout`](Error::is_timeout)); the session goes on. Or the session is over.
    pub async fn ping(&self) -> Result<Duration, Error> {
        let shared = self.shared();
        let (answer, waiting) = oneshot::channel();
        let now = now();
        let id = shared.with(|core| {
            let id = core.conn.ping(now)?;
            core.pings.insert(id, answer);
            Ok::<_, Error>(id)
        })?;
        let guard = PingGuard { shared, id };
        let answer = waiting.await;
        drop(guard);
        answer.map_err(|_| shared.end().unwrap_or_else(|| Error::new(Kind::PingTimeout)))
    }

    /// Tells the peer to open no more streams. Streams that exist live on, and this side may go on opening.
    /// Go: `Session.GoAway`.
    pub fn go_away(&self) {
        self.shared().with(|core| core.conn.go_away());
    }

    /// Waits until everything that was written to streams so far is with the connection underneath, or the session is over.
    /// A stream's own writes are done when the session has queued them, and flushing a stream waits for nothing: that keeps small
    /// calls fast. This is for a process that is about to end without [`close`](Self::close).
    ///
    /// # Cancel safety
    /// A dropped future changes nothing.
    pub async fn sent(&self) {
        self.shared().sent().await;
    }

    /// Ends the session: streams fail with [`is_local_closed`](Error::is_local_closed) once what they received
    /// is read. Returns when what was queued is sent, at the latest after
    /// [`close_timeout`](Config::close_timeout). Further calls wait for the same end. Go: `Session.Close`,
    /// which flushes nothing.
    ///
    /// # Cancel safety
    /// The session ends and flushes even if the future is dropped, as long as it was polled once.
    pub async fn close(&self) {
        self.shared().close();
        self.shared().finished().await;
    }

    /// Completes when the session is over, with the reason. Go: `Session.CloseChan`.
    pub fn closed(&self) -> impl Future<Output = Error> + Send + 'static {
        let shared = Arc::clone(self.shared());
        async move { shared.closed().await }
    }

    /// Why the session is over, if it is. Go: `Session.IsClosed`.
    pub fn close_reason(&self) -> Option<Error> {
        self.shared().end()
    }

    /// Counters and the last round trip.
    pub fn stats(&self) -> Stats {
        self.shared().with(|core| core.conn.stats())
    }

    /// Streams that the wire knows at present. Go: `Session.NumStreams`.
    pub fn num_streams(&self) -> usize {
        self.stats().streams
    }

    /// The session for a task of ours, which must not keep it alive.
    pub(crate) fn weak(&self) -> Arc<Shared> {
        Arc::clone(self.shared())
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("stats", &self.stats()).field("closed", &self.close_reason()).finish()
    }
}

fn open_now(core: &mut driver::Core, now: std::time::Instant) -> Result<Option<(StreamKey, u32)>, Error> {
    let Some(key) = core.conn.open(now)? else { return Ok(None) };
    Ok(core.conn.stream_id(key).map(|id| (key, id)))
}

/// [`Session::accept`] for a task that does not keep the session alive.
pub(crate) async fn accept(shared: &Arc<Shared>) -> Result<Stream, Error> {
    shared
        .wait_for(&shared.acceptable, || {
            let accepted = shared.with(|core| {
                let key = core.conn.accept()?;
                Ok(key.and_then(|key| Some((key, core.conn.stream_id(key)?))))
            });
            match accepted {
                Ok(Some((key, id))) => Some(Ok(Stream::new(Handle::new(shared), key, id))),
                Ok(None) => None,
                Err(error) => Some(Err(error)),
            }
        })
        .await
}

/// Forgets a ping when its caller no longer waits.
struct PingGuard<'a> {
    shared: &'a Shared,
    id: u32,
}

impl Drop for PingGuard<'_> {
    fn drop(&mut self) {
        self.shared.with(|core| {
            core.pings.remove(&self.id);
            core.conn.cancel_ping(self.id);
        });
    }
}
