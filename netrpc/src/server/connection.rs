//! One served stream: requests in, handlers at work, replies out. One future owns it all, so that nothing needs a lock.

use std::{
    any::Any,
    collections::HashMap,
    future::{Future, poll_fn},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::{AbortHandle, Id, JoinError, JoinSet},
    time::timeout,
};

use super::{
    Inner,
    service::{Args, ArgsState, DispatchError, Handling, Reply},
};
use crate::{
    codec::{Codec, CodecError, Decoder, in_scope},
    error::{Error, Kind, Result},
    incoming::Incoming,
    message::{self, CANCEL_METHOD, CANCELLED, CancelArgs, EMPTY_ERROR, Request, ResponseRef},
    outgoing::{Outbox, Writer},
};

/// How long the last replies may take to be written once no handler runs any more, and the stream to shut down after that:
/// a peer that has stopped reading gets no longer.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// Rounds of work after which the task lets others run.
const ROUNDS_PER_POLL: usize = 32;

pub(super) async fn serve<I, C>(server: Arc<Inner<C>>, io: I) -> Result<()>
where
    I: AsyncRead + AsyncWrite + Send + Unpin,
    C: Codec,
{
    let mut shutdown = server.shutdown.subscribe();
    let drain_timeout = server.drain_timeout;
    let mut connection = Connection::new(server, io);

    let result = {
        let mut requests = std::pin::pin!(poll_fn(|cx| connection.poll_requests(cx)));
        let mut asked = std::pin::pin!(shutdown.wait_for(|asked| *asked));
        poll_fn(|cx| match requests.as_mut().poll(cx) {
            Poll::Pending => asked.as_mut().poll(cx).map(|_| Ok(())),
            ended => ended,
        })
        .await
    };
    if timeout(drain_timeout, poll_fn(|cx| connection.poll_drain(cx))).await.is_err() {
        connection.handlers.abort_all();
        // A handler that never awaits cannot be stopped; it is left behind.
        drop(timeout(FLUSH_TIMEOUT, poll_fn(|cx| connection.poll_drain(cx))).await);
    }
    if connection.write_error.is_none() {
        let close = poll_fn(|cx| Pin::new(&mut connection.io).poll_shutdown(cx));
        drop(timeout(FLUSH_TIMEOUT, close).await);
    }
    result
}

/// A call whose handler runs.
struct Running {
    seq: u64,
    service_method: String,
    abort: AbortHandle,
}

/// What became of the next request.
enum Step {
    Handled,
    /// More bytes are needed.
    Incomplete,
    /// A handler or the queue must make room first.
    Blocked,
}

struct Connection<I, C: Codec> {
    server: Arc<Inner<C>>,
    io: I,
    incoming: Incoming<C::Decoder>,
    /// The header of the request whose body has not arrived, or that waits for its turn.
    header: Option<Request>,
    handlers: JoinSet<Result<Reply<C>, String>>,
    running: HashMap<Id, Running>,
    outbox: Outbox<C>,
    writer: Writer,
    /// The task has let other handlers finish before it writes.
    gathered: bool,
    /// Replies cannot be sent any more. Requests are carried out all the same, as in Go: what the peer sent before it went counts.
    write_error: Option<Error>,
}

impl<I: AsyncRead + AsyncWrite + Unpin, C: Codec> Connection<I, C> {
    fn new(server: Arc<Inner<C>>, io: I) -> Self {
        Self {
            io,
            incoming: Incoming::new(server.codec.decoder()),
            header: None,
            handlers: JoinSet::new(),
            running: HashMap::new(),
            outbox: Outbox::new(Arc::clone(&server.codec)),
            writer: Writer::default(),
            gathered: false,
            write_error: None,
            server,
        }
    }

    /// Serves; ready when no more requests will come.
    fn poll_requests(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        for _ in 0..ROUNDS_PER_POLL {
            let mut progress = self.collect_replies(cx);
            let incomplete = loop {
                match self.next_request()? {
                    Step::Handled => progress = true,
                    Step::Incomplete => break true,
                    Step::Blocked => break false,
                }
            };
            if !self.gathered && self.outbox.len() > 0 && !self.handlers.is_empty() {
                // The runtime runs a task that was just woken before all others: without this each reply of handlers that were
                // started together would be written by itself.
                self.gathered = true;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            self.gathered = false;
            progress |= self.write_replies(cx);
            if incomplete && let Poll::Ready(filled) = self.incoming.poll_fill(&mut self.io, cx) {
                if !filled.map_err(Error::io)? {
                    return Poll::Ready(self.end_of_stream());
                }
                progress = true;
            }
            if !progress {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Ready when no handler runs and every reply is written.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.collect_replies(cx) | self.write_replies(cx) {}
        let done = self.handlers.is_empty() && self.writer.is_done();
        if done { Poll::Ready(()) } else { Poll::Pending }
    }

    fn end_of_stream(&mut self) -> Result<()> {
        match self.write_error.take() {
            Some(e) => Err(e),
            None if self.header.is_some() || !self.incoming.decoder.is_idle() => Err(Error::new(Kind::Eof)),
            None => Ok(()),
        }
    }

    /// Encodes the replies of handlers that are done, while there is room. Returns whether there were any.
    fn collect_replies(&mut self, cx: &mut Context<'_>) -> bool {
        let mut any = false;
        while self.outbox.len() < self.server.queue_limit {
            let Poll::Ready(Some(joined)) = self.handlers.poll_join_next_with_id(cx) else { break };
            any = true;
            let (id, end) = match joined {
                Ok((id, result)) => (id, Ok(result)),
                Err(e) => (e.id(), Err(e)),
            };
            if let Some(Running { seq, service_method, .. }) = self.running.remove(&id) {
                let result = end.unwrap_or_else(|e| Err(ended_early(e, &service_method)));
                self.reply(seq, &service_method, result);
            }
        }
        any
    }

    /// Writes what it can. Returns whether the queue was emptied, so that there is room again.
    fn write_replies(&mut self, cx: &mut Context<'_>) -> bool {
        let (outbox, mut emptied) = (&mut self.outbox, false);
        let mut refill = |batch: &mut Vec<u8>| {
            emptied |= outbox.len() > 0;
            outbox.take(batch);
        };
        if self.write_error.is_some() {
            refill(&mut Vec::new());
        } else if let Poll::Ready(Err(e)) = self.writer.poll_write(&mut self.io, cx, refill) {
            self.write_error = Some(Error::io(e));
            self.writer = Writer::default();
        }
        emptied
    }

    /// Takes the next request out of the decoder. An error ends the connection.
    fn next_request(&mut self) -> Result<Step> {
        if self.outbox.len() >= self.server.queue_limit {
            return Ok(Step::Blocked);
        }
        let decoder = &mut self.incoming.decoder;
        let request: Request = match self.header.take() {
            Some(header) => header,
            None if decoder.ready().map_err(request_error)? => decoder.decode().map_err(request_error)?,
            None => return Ok(Step::Incomplete),
        };
        let cancel = request.service_method == CANCEL_METHOD;
        if !cancel && self.running.len() >= self.server.max_concurrent {
            self.header = Some(request);
            return Ok(Step::Blocked);
        }
        match decoder.ready() {
            Ok(true) if cancel => self.cancel(&request)?,
            Ok(true) => self.dispatch(request)?,
            Ok(false) => {
                self.header = Some(request);
                return Ok(Step::Incomplete);
            }
            Err(e) => {
                return self.refuse(&request, DispatchError::from_codec(e)).map(|()| Step::Handled);
            }
        }
        Ok(Step::Handled)
    }

    /// Stops the handler of the call that the argument names. Its own reply follows; this one says nothing.
    fn cancel(&mut self, request: &Request) -> Result<()> {
        match self.incoming.decoder.decode::<CancelArgs>() {
            Ok(CancelArgs { seq }) => {
                // A scan: cancelling is rare, and a second index would cost every call.
                self.running.values().filter(|call| call.seq == seq).for_each(|call| call.abort.abort());
                self.reply(request.seq, &request.service_method, Ok(Reply::new(false)));
                Ok(())
            }
            Err(e) => self.refuse(request, DispatchError::from_codec(e)),
        }
    }

    /// Finds the method, decodes its argument and starts its handler.
    fn dispatch(&mut self, request: Request) -> Result<()> {
        let server = Arc::clone(&self.server);
        let method = &request.service_method;
        let Some((service, name)) = message::split(method) else {
            return self.skip(&request, message::ill_formed(method));
        };
        let Some(service) = server.services.get(service) else {
            return self.skip(&request, message::unknown_service(method));
        };
        let mut state = ArgsState::Unread;
        let args = Args { decoder: &mut self.incoming.decoder, state: &mut state, request: &request };
        let call = || in_scope(server.scope.as_deref(), || service.dispatch(name, args));
        let dispatched = catch_unwind(AssertUnwindSafe(call));
        let handling = match dispatched {
            Ok(Ok(result)) => result,
            Ok(Err(scope)) => Err(DispatchError::from_codec(scope)),
            Err(panic) => Err(DispatchError {
                text: panicked(method, &*panic),
                fatal: (state == ArgsState::Decoding)
                    .then(|| CodecError::fatal("a Deserialize panicked in the middle of a value")),
            }),
        };
        if state == ArgsState::Unread
            && let Err(e) = self.incoming.decoder.discard()
            && e.is_fatal()
        {
            return self.refuse(&request, DispatchError::from_codec(e));
        }
        match handling {
            Ok(handling) => self.start(request, handling),
            Err(e) => return self.refuse(&request, e),
        }
        Ok(())
    }

    fn start(&mut self, request: Request, handling: Handling<C>) {
        let abort = self.handlers.spawn(handling);
        let Request { seq, service_method, .. } = request;
        self.running.insert(abort.id(), Running { seq, service_method, abort });
    }

    /// Answers a request whose argument nobody wants.
    fn skip(&mut self, request: &Request, text: String) -> Result<()> {
        let fatal = self.incoming.decoder.discard().err().filter(CodecError::is_fatal);
        self.refuse(request, DispatchError { text, fatal })
    }

    /// Answers a request that got no handler. Ends the connection if it cannot be read on.
    fn refuse(&mut self, request: &Request, error: DispatchError) -> Result<()> {
        self.reply(request.seq, &request.service_method, Err(error.text));
        error.fatal.map_or(Ok(()), |e| Err(request_error(e)))
    }

    fn reply(&mut self, seq: u64, service_method: &str, result: Result<Reply<C>, String>) {
        let text = match result {
            Ok(reply) => match self.push(seq, service_method, "", reply) {
                Ok(()) => return,
                Err(text) => text,
            },
            Err(text) if text.is_empty() => EMPTY_ERROR.to_owned(),
            Err(text) => text,
        };
        if let Err(e) = self.push(seq, service_method, &text, Reply::empty()) {
            // Only a codec that cannot encode strings, or a scope that does not run, gets here.
            self.write_error.get_or_insert_with(|| Error::io(io::Error::other(e)));
        }
    }

    /// Encodes a reply; the error is the text of why that cannot be.
    fn push(&mut self, seq: u64, service_method: &str, error: &str, reply: Reply<C>) -> Result<(), String> {
        let header = ResponseRef { service_method, seq, error };
        let (outbox, scope) = (&mut self.outbox, self.server.scope.as_deref());
        let encode = || in_scope(scope, || outbox.push(&header, reply.encode));
        match catch_unwind(AssertUnwindSafe(encode)) {
            Ok(result) => result.and_then(|result| result).map_err(|e| e.to_string()),
            Err(panic) => Err(panicked(service_method, &*panic)),
        }
    }
}

fn request_error(e: CodecError) -> Error {
    Error::new(Kind::Request(Arc::new(e)))
}

/// The error text of a handler that did not return.
fn ended_early(error: JoinError, service_method: &str) -> String {
    match error.try_into_panic() {
        Ok(panic) => panicked(service_method, &*panic),
        Err(_) => CANCELLED.to_owned(),
    }
}

fn panicked(service_method: &str, panic: &(dyn Any + Send)) -> String {
    let text = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text.as_str(),
        _ => "no text",
    };
    tracing::error!(method = service_method, panic = text, "a handler panicked");
    format!("panic in {service_method}: {text}")
}
