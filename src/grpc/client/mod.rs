//! HTTP/2 as gRPC's client needs it.
//!
//! The task that makes a call queues its frames itself and is woken by the answer; one task per connection reads and writes.
//! tonic's own channel passes each call through a queue and two more tasks, each of which may have to wake a thread.

mod answer;
mod deadline;
mod driver;
mod exchange;
mod sending;

use std::{
    fmt,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use h2::client::SendRequest;
use http::{
    HeaderValue, Request, Response, Uri,
    header::USER_AGENT,
    uri::{Authority, Scheme},
};
use tokio::{sync::Mutex as AsyncMutex, time::sleep};
use tonic::body::Body;

use self::driver::Waiting;
use super::{dial::Redial, http2, status};
use crate::{Error, Result, tls::Security};

/// Follows what the application says of itself.
const OURS: &str = concat!("go-plugin-rust/", env!("CARGO_PKG_VERSION"));

/// A connection as calls see it: clones share it, and a call that finds it lost dials again. It is closed with the last clone and the
/// last call.
#[derive(Clone)]
pub(crate) struct Http2Client(Arc<Shared>);

struct Shared {
    dialer: Redial,
    origin: Origin,
    current: Mutex<SendRequest<Bytes>>,
    waiting: Waiting,
    /// One call dials, the others wait for it.
    dialling: AsyncMutex<()>,
}

/// What requests are about to be sent to.
struct Origin {
    scheme: Scheme,
    authority: Authority,
}

impl Origin {
    /// grpc-go's name for a target that means nothing, or that in the certificates.
    fn new(security: &Security) -> Result<Self> {
        let Some(name) = security.server_name() else {
            return Ok(Self { scheme: Scheme::HTTP, authority: Authority::from_static("unused") });
        };
        let authority = name.parse().map_err(|cause: http::uri::InvalidUri| {
            Error::misuse(format!("{name:?} cannot be the name of a server: {cause}")).with_source(cause)
        })?;
        Ok(Self { scheme: Scheme::HTTPS, authority })
    }

    fn put_on(&self, request: &mut Request<()>) {
        let mut uri = std::mem::take(request.uri_mut()).into_parts();
        uri.scheme = Some(self.scheme.clone());
        uri.authority = Some(self.authority.clone());
        // A path is there, since there was a URI.
        *request.uri_mut() = Uri::from_parts(uri).unwrap_or_default();
    }
}

impl Http2Client {
    /// Dials for the first time.
    pub(super) async fn connect(dialer: Redial) -> Result<Self> {
        let origin = Origin::new(dialer.security())?;
        let waiting = Waiting::default();
        let current = Mutex::new(open(&dialer, &waiting).await?);
        Ok(Self(Arc::new(Shared { dialer, origin, current, waiting, dialling: AsyncMutex::default() })))
    }

    /// Makes a call. Dropping the future, or the answer before its end, cancels it.
    ///
    /// # Errors
    ///
    /// All that keeps the beginning of an answer from coming, the deadline in the request's own head included. Each carries a status,
    /// which generated clients make theirs.
    pub(crate) async fn call(&self, request: Request<Body>) -> Result<Response<Body>> {
        let Some(limit) = deadline::of(request.headers()) else { return self.exchange(request).await };
        let mut exchange = pin!(self.exchange(request));
        tokio::select! {
            biased;
            answer = &mut exchange => answer,
            () = sleep(limit) => Err(status::too_late().into()),
        }
    }

    async fn exchange(&self, request: Request<Body>) -> Result<Response<Body>> {
        let connection = match self.current() {
            Some(connection) => connection,
            None => self.dial().await?,
        };
        let (head, body) = request.into_parts();
        let mut head = Request::from_parts(head, ());
        self.0.origin.put_on(&mut head);
        name_ourselves(&mut head);
        let _waiting = self.0.waiting.one_more();
        exchange::run(connection, head, body).await
    }

    fn current(&self) -> Option<SendRequest<Bytes>> {
        let mut connection = self.0.current.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // A clone waits for nothing here: streams beyond the peer's limit wait on their own.
        let polled = connection.poll_ready(&mut Context::from_waker(Waker::noop()));
        matches!(polled, Poll::Ready(Ok(()))).then_some(connection)
    }

    async fn dial(&self) -> Result<SendRequest<Bytes>> {
        let _dialling = self.0.dialling.lock().await;
        if let Some(connection) = self.current() {
            return Ok(connection); // somebody else's
        }
        let connection = open(&self.0.dialer, &self.0.waiting).await.map_err(status::unreachable)?;
        *self.0.current.lock().unwrap_or_else(PoisonError::into_inner) = connection.clone();
        Ok(connection)
    }
}

impl fmt::Debug for Http2Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http2Client").field("connected", &self.current().is_some()).finish_non_exhaustive()
    }
}

/// A new connection. The task that drives it ends when nobody can call any more, and when the stream below fails or is cut.
async fn open(dialer: &Redial, waiting: &Waiting) -> Result<SendRequest<Bytes>> {
    let io = dialer.dial().await?;
    let (connection, below) = http2::client().handshake(io).await.map_err(status::lost)?;
    let driver = driver::run(below, waiting.clone());
    tokio::spawn(async move {
        if let Err(error) = driver.await {
            tracing::debug!(%error, "a connection ended");
        }
    });
    Ok(connection)
}

fn name_ourselves(request: &mut Request<()>) {
    let headers = request.headers_mut();
    let name = match headers.get(USER_AGENT) {
        None => HeaderValue::from_static(OURS),
        Some(theirs) => {
            let both = [theirs.as_bytes(), b" ", OURS.as_bytes()].concat();
            HeaderValue::from_bytes(&both).unwrap_or_else(|_| HeaderValue::from_static(OURS))
        }
    };
    headers.insert(USER_AGENT, name);
}
