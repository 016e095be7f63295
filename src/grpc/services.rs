//! The services of one gRPC server.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::TryFutureExt as _;
use tonic::{Status, body::Body, server::NamedService};
use tower::ServiceExt as _;
use tower_service::Service;

use super::broker::{Caller, Callers};
use crate::{
    Error, Protocol, Result,
    calls::{Serving, observe_served},
    trace::found_in,
};

pub(super) type Request = http::Request<Body>;
pub(super) type Response = http::Response<Body>;
pub(super) type Answer = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

/// What a generated service may return as the error of its body.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Collects the services that a gRPC server is to offer: any service that tonic generates, and whole routers.
///
/// ```
/// # fn register<S>(services: &mut go_plugin::GrpcServices, kv: S) -> go_plugin::Result<()>
/// # where S: go_plugin::GrpcService + tonic::server::NamedService {
/// services.add(kv)?; // such as `KvServer::new(implementation)`
/// # Ok(())
/// # }
/// ```
pub struct GrpcServices {
    entries: BTreeMap<String, Arc<dyn Handler>>,
    descriptors: Vec<&'static [u8]>,
    message_limit: usize,
}

/// Answers gRPC calls: what tonic generates, such as `KvServer<T>`, also behind an interceptor, and tonic's
/// `Routes`. Implemented for every tower service of that shape.
pub trait GrpcService:
    Service<Request, Response = http::Response<Self::Body>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
    /// The body of its responses.
    type Body: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static;
}

impl<S, B> GrpcService for S
where
    S: Service<Request, Response = http::Response<B>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static,
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Body = B;
}

impl GrpcServices {
    pub(crate) fn new(message_limit: usize) -> Self {
        Self { entries: BTreeMap::new(), descriptors: Vec::new(), message_limit }
    }

    /// Adds a service.
    ///
    /// # Errors
    ///
    /// If a service of that name is there already.
    pub fn add<S: GrpcService + NamedService>(&mut self, service: S) -> Result<()> {
        self.add_router([S::NAME], service)
    }

    /// Adds a service of this library, whose calls are nobody's business.
    pub(crate) fn add_own<S: GrpcService + NamedService>(&mut self, service: S) -> Result<()> {
        self.add_own_router([S::NAME], service)
    }

    /// The same for something that answers for several services.
    pub(super) fn add_own_router<'a, S: GrpcService>(
        &mut self,
        names: impl IntoIterator<Item = &'a str>,
        router: S,
    ) -> Result<()> {
        self.insert(names, Typed(router))
    }

    /// Adds something that answers for several services, such as tonic's `Routes`, under their full names
    /// (`package.Service`): a router cannot be asked for them. Calls to other services do not reach it.
    ///
    /// # Errors
    ///
    /// If a service of one of these names is there already; then none is added.
    pub fn add_router<'a, S: GrpcService>(
        &mut self,
        names: impl IntoIterator<Item = &'a str>,
        router: S,
    ) -> Result<()> {
        self.insert(names, Observed(Typed(router)))
    }

    fn insert<'a>(
        &mut self,
        names: impl IntoIterator<Item = &'a str>,
        handler: impl Handler + 'static,
    ) -> Result<()> {
        let names: Vec<_> = names.into_iter().collect();
        if let Some(taken) = names.iter().find(|name| self.entries.contains_key(**name)) {
            return Err(Error::misuse(format!(
                "the gRPC service {taken} is registered already: one server serves it once"
            )));
        }
        let handler: Arc<dyn Handler> = Arc::new(handler);
        self.entries.extend(names.into_iter().map(|name| (name.to_owned(), handler.clone())));
        Ok(())
    }

    /// Adds an encoded `FileDescriptorSet`, so that reflection can describe the services and not only list
    /// them. Imported files must be in the set. They are not read before somebody asks for them: if they are unusable, that call fails with
    /// `Internal`.
    pub fn add_descriptors(&mut self, file_descriptor_set: &'static [u8]) {
        self.descriptors.push(file_descriptor_set);
    }

    /// The largest message in bytes that this server is meant to accept and send. tonic keeps the limit in
    /// each generated service, where it is 4 MiB unless told otherwise:
    /// `KvServer::new(kv).max_decoding_message_size(services.message_limit())`.
    pub fn message_limit(&self) -> usize {
        self.message_limit
    }

    /// The full names of the services, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    pub(crate) fn descriptors(&self) -> &[&'static [u8]] {
        &self.descriptors
    }

    pub(crate) fn into_router(self) -> ServiceRouter {
        ServiceRouter { entries: Arc::new(self.entries), callers: Callers::default() }
    }
}

impl fmt::Debug for GrpcServices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.names().collect();
        f.debug_struct("GrpcServices")
            .field("names", &names)
            .field("message_limit", &self.message_limit)
            .finish()
    }
}

/// One service, without its type.
trait Handler: Send + Sync {
    fn handle(&self, request: Request, caller: Option<Caller>) -> Answer;
}

struct Typed<S>(S);

impl<S: GrpcService> Handler for Typed<S> {
    fn handle(&self, request: Request, caller: Option<Caller>) -> Answer {
        let answer = self.0.clone().oneshot(request).map_ok(|response| response.map(Body::new));
        match caller {
            Some(caller) => Box::pin(caller.scope(answer)),
            None => Box::pin(answer),
        }
    }
}

/// Has each call of a service be a span in its caller's trace.
struct Observed<H>(H);

impl<H: Handler> Handler for Observed<H> {
    fn handle(&self, request: Request, caller: Option<Caller>) -> Answer {
        let method = request.uri().path().trim_start_matches('/');
        match Serving::begin(None, Protocol::Grpc, method, found_in(request.headers())) {
            Some(serving) => {
                let answer = serving.within(|| self.0.handle(request, caller));
                Box::pin(observe_served(serving, answer))
            }
            None => self.0.handle(request, caller),
        }
    }
}

/// Sends each call to the service in its path.
#[derive(Clone)]
pub(crate) struct ServiceRouter {
    entries: Arc<BTreeMap<String, Arc<dyn Handler>>>,
    callers: Callers,
}

impl ServiceRouter {
    /// Brokers are to know for whom they work.
    pub(super) fn called_by(self, callers: Callers) -> Self {
        Self { callers, ..self }
    }
}

impl Service<Request> for ServiceRouter {
    type Response = Response;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(())) // each call waits for its own service
    }

    fn call(&mut self, request: Request) -> Answer {
        let name = service_name(request.uri().path());
        match self.entries.get(name) {
            Some(handler) => {
                let caller = self.callers.of(request.extensions());
                handler.handle(request, caller)
            }
            None => {
                let status = Status::unimplemented(format!("unknown service {name}")); // grpc-go's text
                Box::pin(std::future::ready(Ok(status.into_http())))
            }
        }
    }
}

/// `/package.Service/Method`
fn service_name(path: &str) -> &str {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.rsplit_once('/').map_or(path, |(service, _)| service)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_is_everything_between_the_slashes() {
        for (path, service) in [
            ("/proto.KV/Get", "proto.KV"),
            ("/KV/Get", "KV"),
            ("/a/b/C/Get", "a/b/C"),
            ("nonsense", "nonsense"),
            ("", ""),
        ] {
            assert_eq!(service_name(path), service, "{path}");
        }
    }
}
