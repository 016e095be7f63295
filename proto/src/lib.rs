//! The gRPC services that every [go-plugin] program serves beside its own: the broker, the controller and
//! the standard streams. And [`version`], which plugins of this project serve if they state one.
//!
//! The `.proto` files are beside this crate's sources; what is generated from them is committed
//! (`cargo xtask codegen`), so that users need no `protoc`. Clients and servers are in the modules that
//! tonic names after the service, such as [`grpc_stdio_client`].
//!
//! [go-plugin]: https://github.com/hashicorp/go-plugin

#[allow(clippy::all, missing_docs, unreachable_pub, reason = "generated")]
#[path = "generated/plugin.rs"]
mod generated;

pub use generated::*;

#[allow(clippy::all, missing_docs, unreachable_pub, reason = "generated")]
#[path = "generated/goplugin.rs"]
pub mod version;

/// The descriptors of the files, and of what they import, as an encoded `FileDescriptorSet`. The
/// files are named as Go's are: `internal/plugin/grpc_broker.proto` and so on.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("generated/descriptors.bin");
