//! Go's `net/rpc`, client and server, over any byte stream.

#![warn(unreachable_pub)]

mod client;
mod codec;
mod error;
mod gob;
mod incoming;
mod message;
mod outgoing;
mod server;

pub use serde_gob::{self, Any, Empty, Limits, Nil};

pub use crate::{
    client::{CLOSE_TIMEOUT, CallOptions, Client, ClientBuilder},
    codec::{Codec, CodecError, CodecScope, Decoder, Encoder},
    error::{Error, Result},
    gob::Gob,
    outgoing::DEFAULT_QUEUE_LIMIT,
    server::{
        Args, DEFAULT_DRAIN_TIMEOUT, DEFAULT_MAX_CONCURRENT, DispatchError, Handling, Methods, Reply, Server,
        ServerBuilder, Service,
    },
};
