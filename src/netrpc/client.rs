//! What a dispensed net/rpc object holds.

use std::{
    fmt,
    sync::{Arc, Weak},
};

use ::netrpc::{CallOptions, Client, Gob, Trace};
use arc_swap::ArcSwap;
use muxbroker::MuxBroker;
use serde::{Serialize, de::DeserializeOwned};
use serde_gob::GobType;
use tokio::io::{AsyncRead, AsyncWrite};
use tracing::Instrument as _;

use super::scope::BrokerScope;
use crate::{
    Error, ErrorKind, Protocol, Result,
    calls::{Admission, Call, Calls},
};

/// Calls the object at the other end of a connection: what a dispensed net/rpc object holds. Go's `rpc.Client`.
///
/// It is a cheap handle: clones share the connection, and the connection under it can change, when a plugin is
/// restarted, without the object that holds it noticing. A call stays on the connection that it began on.
#[derive(Clone)]
pub struct RpcClient {
    current: Arc<ArcSwap<Connection>>,
}

struct Connection {
    client: Client,
    broker: MuxBroker,
    calls: Calls,
}

/// A handle as long as anybody else has it.
pub(crate) struct WeakRpcClient(Weak<ArcSwap<Connection>>);

impl WeakRpcClient {
    pub(crate) fn upgrade(&self) -> Option<RpcClient> {
        Some(RpcClient { current: self.0.upgrade()? })
    }
}

impl RpcClient {
    /// A client on `stream`, whose callbacks and byte streams go over `broker`.
    ///
    /// # Panics
    /// Outside of a tokio runtime: the connection is a task of the current one.
    pub fn new(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, broker: MuxBroker) -> Self {
        Self::for_calls(Calls::default(), stream, broker)
    }

    /// The same with what the calls to a plugin's objects have in common.
    pub(crate) fn for_calls(
        calls: Calls,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        broker: MuxBroker,
    ) -> Self {
        let scope = Arc::new(BrokerScope::new(broker.clone(), calls.target.clone()));
        let mut builder = Client::builder()
            .codec(codec())
            .scope(scope)
            .send_cancel(calls.tell_cancelled)
            .send_trace(calls.send_trace);
        if let Some(after) = calls.timeout {
            builder = builder.default_timeout(after);
        }
        let client = builder.build(stream);
        Self { current: Arc::new(ArcSwap::from_pointee(Connection { client, broker, calls })) }
    }

    /// Calls `method` (`Service.Method`; a dispensed object is the service `Plugin`) and decodes the reply as `R`.
    ///
    /// This is the raw way, for methods that no trait describes. `serde_gob::Value` takes any reply.
    /// Dropping the future gives the call up; the other side may have worked all the same.
    ///
    /// # Errors
    /// [`Remote`](ErrorKind::Remote) with the text of the implementation, [`Misuse`](ErrorKind::Misuse) for an argument
    /// that cannot be encoded, [`Protocol`](ErrorKind::Protocol) for a reply that is no `R`,
    /// [`Disconnected`](ErrorKind::Disconnected), [`Shutdown`](ErrorKind::Shutdown) or
    /// [`Timeout`](ErrorKind::Timeout) when none came.
    pub async fn call<R, A>(&self, method: &str, args: &A) -> Result<R>
    where
        R: DeserializeOwned + Send + 'static,
        A: Serialize + GobType + Sync + ?Sized,
    {
        self.call_with(method, args, CallOptions::new()).await
    }

    /// [`call`](Self::call) with a timeout of its own.
    ///
    /// # Errors
    /// As for [`call`](Self::call).
    pub async fn call_with<R, A>(&self, method: &str, args: &A, options: CallOptions) -> Result<R>
    where
        R: DeserializeOwned + Send + 'static,
        A: Serialize + GobType + Sync + ?Sized,
    {
        let mut call = Call::begin(&self.current.load().calls, Protocol::NetRpc, method);
        let result = match self.admitted(&mut call).await {
            Ok(connection) => {
                let options = traced(options, &connection.calls, &call);
                let calling = connection.client.call_with(method, args, options).instrument(call.span());
                match calling.await.map_err(Error::from_netrpc) {
                    Err(error) => Err(connection.calls.target.explain(error).await),
                    done => done,
                }
            }
            Err(error) => Err(error),
        };
        call.end(&result);
        result
    }

    /// The connection whose turn it is: the current one, unless its process has a supervisor that is replacing it.
    async fn admitted(&self, call: &mut Call) -> Result<Arc<Connection>> {
        let mut connection = self.current.load_full();
        loop {
            let Calls { target, timeout, .. } = &connection.calls;
            match target.admit(*timeout).await? {
                Admission::Granted(entry) => {
                    call.enter(entry);
                    return Ok(connection);
                }
                Admission::Elsewhere => {
                    let next = self.current.load_full();
                    if Arc::ptr_eq(&connection, &next) {
                        let text = "the plugin was replaced, and this object is not among those that go on with the new one";
                        return Err(Error::new(ErrorKind::Shutdown, text));
                    }
                    connection = next;
                }
            }
        }
    }

    pub(crate) fn downgrade(&self) -> WeakRpcClient {
        WeakRpcClient(Arc::downgrade(&self.current))
    }

    /// The broker of the current connection, for streams of one's own.
    pub fn broker(&self) -> MuxBroker {
        self.current.load().broker.clone()
    }

    /// Waits until the current connection has ended.
    pub async fn closed(&self) {
        let closed = self.current.load().client.closed();
        closed.await;
    }

    /// Closes the current connection: calls under way fail.
    pub async fn close(&self) {
        let connection = self.current.load_full();
        connection.client.close().await;
    }

    /// Lets this handle and its clones go on with the connection of `next`. Calls under way stay on the old one, which
    /// ends with the last of them.
    pub fn replace(&self, next: &RpcClient) {
        self.current.store(next.current.load_full());
    }
}

/// Adds where the call belongs, if the other side is to know.
fn traced(options: CallOptions, calls: &Calls, call: &Call) -> CallOptions {
    if !calls.send_trace {
        return options;
    }
    match call.trace() {
        Some(context) => {
            options.trace(Trace { parent: context.to_string(), state: context.state().to_owned() })
        }
        None => options,
    }
}

/// gob with Go's rule for structs of different versions: fields that the sender's type lacks are zero.
pub(super) fn codec() -> Gob {
    Gob::new().missing_as_zero(true)
}

impl fmt::Debug for RpcClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RpcClient").finish_non_exhaustive()
    }
}

impl Error {
    /// Whose fault a failed call was.
    pub(crate) fn from_netrpc(error: ::netrpc::Error) -> Self {
        let kind = if error.is_remote() {
            ErrorKind::Remote
        } else if error.is_timeout() {
            ErrorKind::Timeout
        } else if error.is_encode() || error.is_misuse() {
            ErrorKind::Misuse
        } else if error.is_disconnected() && !broke_the_protocol(&error) {
            ErrorKind::Disconnected
        } else if error.is_disconnected() || error.is_decode() {
            ErrorKind::Protocol
        } else if error.is_cancelled() {
            ErrorKind::Cancelled
        } else {
            ErrorKind::Shutdown
        };
        match crate::tls::cause_of(&error) {
            Some(tls) => tls.with_source(error),
            None => Self::new(kind, error.to_string()).with_source(error),
        }
    }
}

/// Whether the session under the call ended because its other end does not speak yamux. net/rpc sees an I/O error then,
/// and shares it among the calls that it ends.
fn broke_the_protocol(error: &::netrpc::Error) -> bool {
    let io = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<std::io::Error>());
    let session = io.and_then(|io| io.get_ref()?.downcast_ref::<muxbroker::Error>());
    session.is_some_and(muxbroker::Error::is_protocol)
}
