//! The gRPC transport.

mod channel;
mod services;
mod status;

pub use channel::GrpcChannel;
pub use services::{GrpcService, GrpcServices};

/// The largest message unless the user says otherwise, in bytes: the limit of a Go host, and the largest
/// that Go's gRPC can be set to. A Go plugin accepts 4 MiB unless it was told otherwise.
pub const DEFAULT_MESSAGE_LIMIT: usize = i32::MAX as usize;
