//! Objects that the other side may call.

use std::{
    fmt,
    marker::PhantomData,
    sync::{Arc, Mutex, PoisonError},
};

use muxbroker::MuxBroker;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_gob::{GobType, Shape, TypeBuilder};

use super::{
    client::RpcClient,
    plugin_server::serve_object,
    scope::{self, BrokerScope},
    stub::Interface,
};
use crate::{
    Error, Result,
    calls::{Calls, Target},
    trace::TraceContext,
};

/// Serves `object` to the other side until it closes its stream, or the connection between the processes ends.
/// Returns the broker id that the other side is to [`connect`] to within five seconds. Go's
/// `go broker.AcceptAndServe(id, object)`.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn serve<I: Interface + ?Sized>(broker: &MuxBroker, object: Arc<I>) -> u32 {
    serve_object(broker, None, I::service(object))
}

/// Opens a stream to the object that the other side serves under the broker id `id`. The stream is closed when the last
/// clone of what this returns is dropped.
///
/// # Errors
/// [`Disconnected`](crate::ErrorKind::Disconnected) or [`Timeout`](crate::ErrorKind::Timeout) if the other side does
/// not, or no longer, serve it.
pub async fn connect<I: Interface + ?Sized>(broker: &MuxBroker, id: u32) -> Result<Arc<I>> {
    connect_within(&BrokerScope::new(broker.clone(), Target::default()), id).await
}

async fn connect_within<I: Interface + ?Sized>(scope: &BrokerScope, id: u32) -> Result<Arc<I>> {
    let stream = scope.dial(id).await?;
    // A peer that says to which trace its calls belong is told the same.
    let calls = Calls { send_trace: TraceContext::current().is_some(), ..Calls::default() };
    Ok(I::client(RpcClient::for_calls(calls, stream, scope.broker().clone())))
}

/// An object of the sender that the receiver may call: on the wire a broker id, Go's `uint32`.
///
/// A parameter of type `Arc<dyn Trait>` in an interface becomes one of these by itself. Write it out in structs of
/// your own, as hosts of old Terraform providers need it:
///
/// ```
/// use go_plugin::netrpc::Callback;
/// # #[go_plugin::interface]
/// # pub trait UiInput { async fn input(&self, prompt: String) -> go_plugin::Result<String>; }
///
/// #[derive(serde::Serialize, serde::Deserialize, go_plugin::GobType)]
/// #[serde(rename_all = "PascalCase")]
/// struct InputArgs {
///     input_id: Callback<dyn UiInput>,
///     prompt: String,
/// }
/// ```
///
/// The object is served from the moment that the call is sent until the receiver closes its stream to it, or the
/// connection to the other process ends; a receiver that does not [`connect`](Self::connect) within the broker's
/// five seconds never can. One `Callback` is sent once, in one call.
pub struct Callback<I: ?Sized>(Side<I>);

enum Side<I: ?Sized> {
    /// To be sent.
    Ours(Mutex<Option<Arc<I>>>),
    /// Received.
    Theirs { id: u32, scope: BrokerScope, of: PhantomData<fn() -> Arc<I>> },
}

impl<I: Interface + ?Sized> Callback<I> {
    /// Offers `object` to the receiver of the call that this travels in.
    pub fn offer(object: Arc<I>) -> Self {
        Self(Side::Ours(Mutex::new(Some(object))))
    }

    /// Opens a stream to the object of the other side. The stream is closed when the last clone of what this returns
    /// is dropped. For an offer that was not sent, this is the object itself.
    ///
    /// # Errors
    /// [`Disconnected`](crate::ErrorKind::Disconnected) if the other side does not, or no longer, serve it;
    /// [`Misuse`](crate::ErrorKind::Misuse) for an offer that was sent.
    pub async fn connect(self) -> Result<Arc<I>> {
        match self.0 {
            Side::Ours(object) => object
                .into_inner()
                .unwrap_or_else(PoisonError::into_inner)
                .ok_or_else(|| Error::misuse("this callback was sent: the other side calls it")),
            Side::Theirs { id, scope, .. } => connect_within(&scope, id).await,
        }
    }
}

impl<I: Interface + ?Sized> Serialize for Callback<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let scope = scope::current().map_err(ser::Error::custom)?;
        let Side::Ours(object) = &self.0 else {
            let text = "a received callback cannot be passed on: connect it and offer the object";
            return Err(ser::Error::custom(text));
        };
        let object = object.lock().unwrap_or_else(PoisonError::into_inner).take();
        let object = object.ok_or_else(|| ser::Error::custom("a callback can be sent once"))?;
        serializer.serialize_u32(serve(scope.broker(), object))
    }
}

impl<'de, I: Interface + ?Sized> Deserialize<'de> for Callback<I> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let scope = scope::current().map_err(de::Error::custom)?;
        let id = u32::deserialize(deserializer)?;
        Ok(Self(Side::Theirs { id, scope, of: PhantomData }))
    }
}

impl<I: ?Sized> GobType for Callback<I> {
    type Key = u32;

    fn shape(_: &mut TypeBuilder<'_>) -> Shape {
        Shape::uint()
    }
}

impl<I: ?Sized> fmt::Debug for Callback<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Callback");
        if let Side::Theirs { id, .. } = &self.0 {
            debug.field("id", id);
        }
        debug.finish_non_exhaustive()
    }
}

/// A [`Callback`] or none: on the wire the id 0, which no broker gives out.
///
/// A parameter of type `Option<Arc<dyn Trait>>` in an interface becomes one of these by itself.
pub struct OptionalCallback<I: ?Sized>(Option<Callback<I>>);

impl<I: Interface + ?Sized> OptionalCallback<I> {
    /// As [`Callback::offer`].
    pub fn offer(object: Option<Arc<I>>) -> Self {
        Self(object.map(Callback::offer))
    }

    /// As [`Callback::connect`].
    ///
    /// # Errors
    /// As for [`Callback::connect`].
    pub async fn connect(self) -> Result<Option<Arc<I>>> {
        match self.0 {
            Some(callback) => callback.connect().await.map(Some),
            None => Ok(None),
        }
    }
}

impl<I: ?Sized> fmt::Debug for OptionalCallback<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OptionalCallback").field(&self.0).finish()
    }
}

impl<I: Interface + ?Sized> Serialize for OptionalCallback<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(callback) => callback.serialize(serializer),
            None => serializer.serialize_u32(0),
        }
    }
}

impl<'de, I: Interface + ?Sized> Deserialize<'de> for OptionalCallback<I> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let callback = Callback::deserialize(deserializer)?;
        let none = matches!(callback.0, Side::Theirs { id: 0, .. });
        Ok(Self((!none).then_some(callback)))
    }
}

impl<I: ?Sized> GobType for OptionalCallback<I> {
    type Key = u32;

    fn shape(_: &mut TypeBuilder<'_>) -> Shape {
        Shape::uint()
    }
}
