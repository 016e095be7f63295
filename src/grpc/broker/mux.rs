//! All connections of a broker as streams of one yamux session.

use std::{
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures_util::{FutureExt as _, StreamExt as _};
use go_plugin_proto::{ConnInfo, conn_info};
use muxbroker::{Config, Session, Stream};
use tokio::{
    sync::{Mutex as AsyncMutex, mpsc, oneshot},
    time::timeout,
};
use tokio_stream::wrappers::ReceiverStream;

use super::{
    doors::{Caller, Doors, Knock},
    listener::Incoming,
    mailbox::PAIRING_LIMIT,
    outbox::{Outbox, broker_closed},
};
use crate::{
    Error, ErrorKind, Result,
    grpc::{io::BoxIo, serve::incoming},
    net::Listener,
};

/// How many accepted streams may wait for a listener to take them. gRPC takes them at once.
const ACCEPT_BACKLOG: usize = 16;

/// How long one dial may take: its own five seconds, and those of a few unlucky ones before it, since diallers
/// take turns.
pub(super) const DIAL_LIMIT: Duration = Duration::from_secs(30);

/// The session that host and plugin share, and what a broker knows about it.
pub(crate) struct Mux {
    session: Mutex<Option<Session>>,
    doors: Mutex<Doors>,
    /// A stream does not say whom it is for, so that diallers must take turns from knock to stream.
    turn: Arc<AsyncMutex<()>>,
    /// Who waits for the answer to its knock.
    knocking: Mutex<Option<(u32, oneshot::Sender<conn_info::Knock>)>>,
}

impl Mux {
    /// A plugin has no session until its host comes.
    pub(crate) fn new(session: Option<Session>) -> Arc<Self> {
        Arc::new(Self {
            session: Mutex::new(session),
            doors: Mutex::default(),
            turn: Arc::default(),
            knocking: Mutex::default(),
        })
    }

    /// The plugin's side: waits for its host as long as that takes, and lets nobody else in. Ends with the session.
    pub(crate) async fn serve(self: Arc<Self>, listener: Listener, main: mpsc::Sender<BoxIo>) {
        let first = pin!(incoming(listener)).next().await;
        if let Some(Ok(io)) = first {
            self.accept(Session::server(io, Config::default()), Some(main)).await;
        }
    }

    /// Hands out the streams that the other side opens, until the session ends: those that were knocked for to their
    /// listeners, the others to `main`, if there is one.
    pub(crate) async fn accept(&self, session: Session, main: Option<mpsc::Sender<BoxIo>>) {
        *lock(&self.session) = Some(session.clone());
        loop {
            let stream = match session.accept().await {
                Ok(stream) => stream,
                Err(error) => {
                    tracing::debug!(%error, "the multiplexed connection ended");
                    return;
                }
            };
            let caller = self.doors().stream(Instant::now());
            match (caller, &main) {
                (Caller::Listener(id, streams), _) => give(&streams, stream, Some(id)),
                (Caller::Unannounced, Some(main)) => give(main, stream, None),
                (Caller::Gone(id), _) => {
                    tracing::warn!(id, "dropped a connection: its listener has gone");
                    stream.reset();
                }
                (Caller::Unannounced, None) => {
                    tracing::warn!("dropped a connection that nobody had announced");
                    stream.reset();
                }
            }
        }
    }

    /// Connections for `id`, until the returned stream is dropped.
    pub(super) fn listen(self: &Arc<Self>, id: u32, outbox: &Outbox) -> Result<Incoming> {
        let (sender, receiver) = mpsc::channel(ACCEPT_BACKLOG);
        let Some(knocked) = self.doors().listen(id, sender, Instant::now()) else {
            return Err(Error::misuse(format!(
                "the broker serves under {id} already: take another `next_id`"
            )));
        };
        let listening = Listening { mux: self.clone(), id };
        if knocked {
            outbox.send(None, answer(id))?;
        }
        Ok(Box::pin(ReceiverStream::new(receiver).map(move |io| {
            let _until_dropped = &listening;
            Ok(io)
        })))
    }

    /// Knocks for `id` and opens a stream once it is answered.
    ///
    /// Goes on in the background when the future is dropped: an answered knock without its stream would give the
    /// other side's next stream to the wrong listener. It ends by itself.
    pub(super) async fn dial(self: &Arc<Self>, id: u32, outbox: &Outbox) -> Result<Stream> {
        let (mux, outbox) = (self.clone(), outbox.clone());
        let turn = self.turn.clone().lock_owned().await;
        let dialling = tokio::spawn(async move {
            let _turn = turn;
            mux.knock(id, &outbox).await?;
            mux.open().await
        });
        dialling.await.unwrap_or_else(|_| Err(broker_closed()))
    }

    async fn knock(&self, id: u32, outbox: &Outbox) -> Result<()> {
        let (sender, receiver) = oneshot::channel();
        *lock(&self.knocking) = Some((id, sender));
        let knock = conn_info::Knock { knock: true, ack: false, error: String::new() };
        outbox.send(None, ConnInfo { service_id: id, knock: Some(knock), ..ConnInfo::default() })?;
        match timeout(PAIRING_LIMIT, receiver).await {
            Ok(Ok(answer)) if answer.error.is_empty() => Ok(()),
            Ok(Ok(answer)) => {
                let text = format!("failed to knock for id {id}: {}", answer.error);
                Err(Error::new(ErrorKind::Remote, text))
            }
            Ok(Err(_)) => Err(broker_closed()),
            Err(_) => {
                let text = format!("timeout waiting for multiplexing knock handshake on id {id}");
                Err(Error::new(ErrorKind::Timeout, text))
            }
        }
    }

    /// A new stream of the session.
    pub(crate) async fn open(&self) -> Result<Stream> {
        let session = lock(&self.session).clone();
        let session = session.ok_or_else(|| {
            Error::new(ErrorKind::Disconnected, "there is no multiplexed connection, or not any more")
        })?;
        match timeout(PAIRING_LIMIT, session.open()).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(session_lost(error)),
            Err(_) => {
                Err(Error::new(ErrorKind::Timeout, "the other side does not take multiplexed connections"))
            }
        }
    }

    /// A message of the other side's.
    pub(super) fn receive(&self, info: ConnInfo, outbox: &Outbox) {
        let id = info.service_id;
        let Some(knock) = info.knock.filter(|knock| knock.knock) else {
            tracing::debug!(id, "dropped an address: connections are multiplexed");
            return;
        };
        if knock.ack {
            let waiting = lock(&self.knocking).take_if(|(waiting, _)| *waiting == id);
            match waiting {
                // A dialler that has given up does not need it.
                Some((_, sender)) => drop(sender.send(knock)),
                None => tracing::debug!(id, "dropped an answer to no knock"),
            }
            return;
        }
        let verdict = self.doors().knock(id, Instant::now());
        match verdict {
            Knock::Answer => {
                if let Err(error) = outbox.send(None, answer(id)) {
                    tracing::debug!(id, %error, "cannot answer a knock");
                }
            }
            Knock::Hold => {}
            Knock::Ignore => tracing::debug!(id, "ignored a knock: too many are under way"),
        }
    }

    /// Waits until everything that was written to streams so far is with the operating system, or the session is
    /// over.
    pub(crate) async fn sent(&self) {
        let session = lock(&self.session).clone();
        if let Some(session) = session {
            session.sent().await;
        }
    }

    /// No dialler gets an answer any more.
    pub(super) fn stop_dialling(&self) {
        lock(&self.knocking).take();
    }

    /// Ends the session, and with it every connection.
    pub(crate) fn close(&self) {
        let session = lock(&self.session).take();
        // Polled once it goes on by itself: what is queued goes out, within the session's own limit.
        let _ = session.map(|session| async move { session.close().await }.now_or_never());
    }

    fn doors(&self) -> MutexGuard<'_, Doors> {
        lock(&self.doors)
    }
}

/// Why there are no streams any more.
pub(crate) fn session_lost(error: muxbroker::Error) -> Error {
    let (kind, text) = if error.is_protocol() {
        (ErrorKind::Protocol, format!("the other side does not multiplex its connections: {error}"))
    } else {
        (ErrorKind::Disconnected, format!("the multiplexed connection was lost: {error}"))
    };
    Error::new(kind, text).with_source(error)
}

/// One listener's place behind the doors.
struct Listening {
    mux: Arc<Mux>,
    id: u32,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.mux.doors().unlisten(self.id);
    }
}

/// Never waits: one listener that does not take its connections must not hold up the others.
fn give(streams: &mpsc::Sender<BoxIo>, stream: Stream, id: Option<u32>) {
    if let Err(error) = streams.try_send(Box::new(stream)) {
        tracing::warn!(id, %error, "dropped a connection that nobody took");
    }
}

fn answer(service_id: u32) -> ConnInfo {
    let knock = conn_info::Knock { knock: true, ack: true, error: String::new() };
    ConnInfo { service_id, knock: Some(knock), ..ConnInfo::default() }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
