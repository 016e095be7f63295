//! Bytes that flow beside a call.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

use muxbroker::{MuxBroker, RemoteReader, RemoteWriter, Stream};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_gob::{GobType, Shape, TypeBuilder};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, copy_bidirectional};

use super::scope::{self, BrokerScope};
use crate::{Error, Result};

/// Bytes that flow beside a call: on the wire a broker id, Go's `uint32`. What Go programs do with an `io.Reader` or
/// `io.Writer` and `MuxBroker`.
///
/// One side makes it of a reader, a writer or, for both directions, of one end of a [`pair`](Self::pair), and passes it
/// as a parameter, as a reply or in a struct; the other side takes what was made:
///
/// | made with | taken with |
/// |---|---|
/// | [`from_reader`](Self::from_reader) | [`into_reader`](Self::into_reader) |
/// | [`from_writer`](Self::from_writer) | [`into_writer`](Self::into_writer) |
/// | [`pair`](Self::pair) | [`into_stream`](Self::into_stream) |
///
/// The stream lives from the moment that the call is sent until both sides are done with it, or the connection between
/// the processes ends; a receiver that does not take it within the broker's five seconds never can. It is sent once.
pub struct ByteStream(Side);

enum Side {
    /// To be sent: starts to serve it and gives the id.
    Ours(Mutex<Option<Offer>>),
    /// Received.
    Theirs { id: u32, scope: BrokerScope },
}

type Offer = Box<dyn FnOnce(&MuxBroker) -> u32 + Send>;

/// How many bytes of a [`ByteStream::pair`] may wait in each direction: one frame of the broker's.
const PAIR_BUFFER: usize = 64 * 1024;

impl ByteStream {
    /// The receiver reads what `reader` gives. An error of `reader` breaks the stream off.
    pub fn from_reader(reader: impl AsyncRead + Send + Unpin + 'static) -> Self {
        Self::offer(move |broker| broker.send_reader(reader).detach())
    }

    /// What the receiver writes goes to `writer`, which is shut down at the end. An error of `writer` breaks the stream
    /// off.
    pub fn from_writer(writer: impl AsyncWrite + Send + Unpin + 'static) -> Self {
        Self::offer(move |broker| broker.send_writer(writer).detach())
    }

    /// An end to keep and an end to send.
    pub fn pair() -> (DuplexStream, Self) {
        let (ours, mut theirs) = tokio::io::duplex(PAIR_BUFFER);
        let sent = Self::offer(move |broker| {
            let id = broker.next_id();
            let serving = broker.accept_and_serve(id, move |mut stream| async move {
                if let Err(error) = copy_bidirectional(&mut theirs, &mut stream).await {
                    tracing::debug!(id, %error, "a byte stream broke off");
                }
            });
            serving.detach()
        });
        (ours, sent)
    }

    fn offer(offer: impl FnOnce(&MuxBroker) -> u32 + Send + 'static) -> Self {
        Self(Side::Ours(Mutex::new(Some(Box::new(offer)))))
    }

    /// What the other side made of a reader. It ends where that ended.
    ///
    /// # Errors
    /// [`Disconnected`](crate::ErrorKind::Disconnected) or [`Timeout`](crate::ErrorKind::Timeout) if the other side
    /// does not serve it any more, [`Misuse`](crate::ErrorKind::Misuse) on the side that made it.
    pub async fn into_reader(self) -> Result<RemoteReader> {
        let (id, scope) = self.received()?;
        scope.explained(scope.broker().receive_reader(id).await).await
    }

    /// What the other side made of a writer. Its `shutdown` returns when the other side has stored everything.
    ///
    /// # Errors
    /// As for [`into_reader`](Self::into_reader).
    pub async fn into_writer(self) -> Result<RemoteWriter> {
        let (id, scope) = self.received()?;
        scope.explained(scope.broker().receive_writer(id).await).await
    }

    /// The other end of the pair. Also for what a Go peer serves under the id.
    ///
    /// # Errors
    /// As for [`into_reader`](Self::into_reader).
    pub async fn into_stream(self) -> Result<Stream> {
        let (id, scope) = self.received()?;
        scope.dial(id).await
    }

    fn received(self) -> Result<(u32, BrokerScope)> {
        match self.0 {
            Side::Theirs { id, scope } => Ok((id, scope)),
            Side::Ours(_) => {
                Err(Error::misuse("this byte stream is to be sent: the receiver takes what it was made of"))
            }
        }
    }
}

impl Serialize for ByteStream {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let scope = scope::current().map_err(ser::Error::custom)?;
        let Side::Ours(offer) = &self.0 else {
            return Err(ser::Error::custom(
                "a received byte stream cannot be passed on: take it and send another",
            ));
        };
        let offer = offer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let offer = offer.ok_or_else(|| ser::Error::custom("a byte stream can be sent once"))?;
        serializer.serialize_u32(offer(scope.broker()))
    }
}

impl<'de> Deserialize<'de> for ByteStream {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let scope = scope::current().map_err(de::Error::custom)?;
        Ok(Self(Side::Theirs { id: u32::deserialize(deserializer)?, scope }))
    }
}

impl GobType for ByteStream {
    type Key = u32;

    fn shape(_: &mut TypeBuilder<'_>) -> Shape {
        Shape::uint()
    }
}

impl fmt::Debug for ByteStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("ByteStream");
        if let Side::Theirs { id, .. } = &self.0 {
            debug.field("id", id);
        }
        debug.finish_non_exhaustive()
    }
}
