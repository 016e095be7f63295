//! Which of its hosts a plugin works for: the one whose call it answers.
//!
//! A plugin has one broker, and may have more than one host: who reattaches is a host beside the first. What is served or dialled
//! within a call is for the host that made it. Numbers are of no help: every host's begin at 1.

use std::{
    future::Future,
    sync::{Arc, Weak},
};

use super::{GrpcBroker, Shared};
use crate::grpc::io::{ConnectionId, Flushes};

tokio::task_local! {
    static CALLER: Caller;
}

/// A host of a plugin.
#[derive(Clone)]
pub(crate) struct Caller {
    broker: Weak<Shared>,
    connection: ConnectionId,
}

impl Caller {
    /// Works on a call of this host. Tasks that are begun meanwhile work for nobody in particular.
    pub(crate) async fn scope<T>(self, work: impl Future<Output = T>) -> T {
        CALLER.scope(self, work).await
    }
}

/// Who makes the calls that a server answers.
#[derive(Clone, Default)]
pub(crate) enum Callers {
    /// The one host, or one that is not known.
    #[default]
    Unknown,
    /// Hosts of a plugin, each on connections of its own.
    Hosts(Weak<Shared>),
    /// Whoever was told of what is served.
    One(Caller),
}

impl Callers {
    pub(crate) fn of(&self, request: &http::Extensions) -> Option<Caller> {
        match self {
            Self::Unknown => None,
            Self::Hosts(broker) => {
                let connection = request.get::<Flushes>()?.connection();
                Some(Caller { broker: Weak::clone(broker), connection })
            }
            Self::One(caller) => Some(caller.clone()),
        }
    }
}

impl GrpcBroker {
    /// Those who call the server that a plugin begins with.
    pub(crate) fn hosts(&self) -> Callers {
        Callers::Hosts(Arc::downgrade(&self.0))
    }

    /// Those who call what is served now.
    pub(super) fn callers(&self) -> Callers {
        self.caller().map_or(Callers::Unknown, Callers::One)
    }

    /// The connection of the host whose call this task works on.
    pub(super) fn host(&self) -> Option<ConnectionId> {
        self.caller().map(|caller| caller.connection)
    }

    /// Not if the call came to another plugin of this process.
    fn caller(&self) -> Option<Caller> {
        let caller = CALLER.try_with(Caller::clone).ok()?;
        (caller.broker.as_ptr() == Arc::as_ptr(&self.0)).then_some(caller)
    }
}
