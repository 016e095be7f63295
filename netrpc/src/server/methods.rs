//! A service made of closures.

use std::{collections::HashMap, fmt, future::Future};

use serde::{Serialize, de::DeserializeOwned};
use serde_gob::GobType;

use super::service::{Args, DispatchError, Handling, Reply, Service};
use crate::{codec::Codec, gob::Gob};

type Method<C> = Box<dyn Fn(Args<'_, C>) -> Result<Handling<C>, DispatchError> + Send + Sync>;

/// A [`Service`] whose methods are closures from argument to result.
///
/// ```
/// let arith = netrpc::Methods::new()
///     .method("Double", |n: i64| async move { n.checked_mul(2).ok_or("too large") })
///     .method("Hello", |name: String| async move { Ok::<_, String>(format!("Hello, {name}!")) });
/// # drop(netrpc::Server::builder().service("Arith", arith).build()?);
/// # Ok::<_, netrpc::Error>(())
/// ```
pub struct Methods<C: Codec = Gob> {
    methods: HashMap<String, Method<C>>,
}

impl Methods {
    /// A service without methods.
    pub fn new() -> Self {
        Self::for_codec()
    }
}

impl<C: Codec> Methods<C> {
    /// A service without methods, for a server with this codec.
    pub fn for_codec() -> Self {
        Self { methods: HashMap::new() }
    }

    /// Adds a method, or replaces the one of that name. An error becomes the error reply with the error's alternate
    /// display (`{:#}`) as text.
    pub fn method<A, R, E, F, Fut>(mut self, name: impl Into<String>, handler: F) -> Self
    where
        A: DeserializeOwned,
        R: Serialize + GobType + Send + 'static,
        E: fmt::Display,
        F: Fn(A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, E>> + Send + 'static,
    {
        let method = move |args: Args<'_, C>| -> Result<Handling<C>, DispatchError> {
            let call = handler(args.decode()?);
            Ok(Box::pin(async move { call.await.map(Reply::new).map_err(|e| format!("{e:#}")) }))
        };
        self.methods.insert(name.into(), Box::new(method));
        self
    }
}

impl Default for Methods {
    fn default() -> Self {
        Self::new()
    }
}

impl<C: Codec> Service<C> for Methods<C> {
    fn dispatch(&self, method: &str, args: Args<'_, C>) -> Result<Handling<C>, DispatchError> {
        match self.methods.get(method) {
            Some(method) => method(args),
            None => Err(args.unknown_method()),
        }
    }
}

impl<C: Codec> fmt::Debug for Methods<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Methods").field("methods", &self.methods.keys()).finish()
    }
}
