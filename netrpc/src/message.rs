//! The headers of `net/rpc`, and the texts of its server's own errors.

use serde::{Deserialize, Serialize};
use serde_gob::GobType;

/// Cancellation as the Go package `github.com/keegancsmith/rpc` defines it: an ordinary call that names another one.
pub(crate) const CANCEL_METHOD: &str = "_goRPC_.Cancel";

/// Whether `service` is the one of [`CANCEL_METHOD`].
pub(crate) fn is_own_service(service: &str) -> bool {
    split(CANCEL_METHOD).is_some_and(|(own, _)| own == service)
}

/// What a Go handler returns whose context was cancelled.
pub(crate) const CANCELLED: &str = "context canceled";

/// What stands in for an error text that is empty: Go's client reads an empty text as success.
pub(crate) const EMPTY_ERROR: &str = "rpc: the handler failed without an error text";

#[derive(Serialize, GobType)]
#[serde(rename = "Request", rename_all = "PascalCase")]
pub(crate) struct RequestRef<'a> {
    pub(crate) service_method: &'a str,
    pub(crate) seq: u64,
}

/// The same of a client that says where its calls belong. Go's decoder skips fields that it does not know.
#[derive(Serialize, GobType)]
#[serde(rename = "Request", rename_all = "PascalCase")]
pub(crate) struct TracedRequestRef<'a> {
    pub(crate) service_method: &'a str,
    pub(crate) seq: u64,
    pub(crate) trace_parent: &'a str,
    pub(crate) trace_state: &'a str,
}

#[derive(Deserialize, Default)]
#[serde(rename = "Request", rename_all = "PascalCase", default)]
pub(crate) struct Request {
    pub(crate) service_method: String,
    pub(crate) seq: u64,
    pub(crate) trace_parent: String,
    pub(crate) trace_state: String,
}

#[derive(Serialize, GobType)]
#[serde(rename = "Response", rename_all = "PascalCase")]
pub(crate) struct ResponseRef<'a> {
    pub(crate) service_method: &'a str,
    pub(crate) seq: u64,
    pub(crate) error: &'a str,
}

/// `ServiceMethod` is left out: Go's client does not look at it either.
#[derive(Deserialize, Default)]
#[serde(rename = "Response", rename_all = "PascalCase", default)]
pub(crate) struct Response {
    pub(crate) seq: u64,
    pub(crate) error: String,
}

/// Argument of [`CANCEL_METHOD`]; its reply is a bool that says nothing.
#[derive(Serialize, Deserialize, GobType, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct CancelArgs {
    pub(crate) seq: u64,
}

/// `Service.Method` split at the last dot; services may have dots in their names.
pub(crate) fn split(service_method: &str) -> Option<(&str, &str)> {
    service_method.rsplit_once('.')
}

pub(crate) fn ill_formed(service_method: &str) -> String {
    format!("rpc: service/method request ill-formed: {service_method}")
}

pub(crate) fn unknown_service(service_method: &str) -> String {
    format!("rpc: can't find service {service_method}")
}

pub(crate) fn unknown_method(service_method: &str) -> String {
    format!("rpc: can't find method {service_method}")
}
