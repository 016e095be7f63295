//! Passes dynamic values past serde, which can carry neither a type nor bytes without one.
//!
//! A dynamic value calls the (de)serializer with a name no other type has; this crate's own answers by
//! leaving or taking the value here, on the same thread and at once.

use std::cell::RefCell;
use std::sync::Arc;

use super::{Concrete, Dynamic};

thread_local! {
    static OUTGOING: RefCell<Option<Arc<Concrete>>> = const { RefCell::new(None) };
    static INCOMING: RefCell<Option<Dynamic>> = const { RefCell::new(None) };
}

pub(crate) fn put_outgoing(value: Arc<Concrete>) {
    OUTGOING.with_borrow_mut(|slot| *slot = Some(value));
}

pub(crate) fn take_outgoing() -> Option<Arc<Concrete>> {
    OUTGOING.with_borrow_mut(Option::take)
}

pub(crate) fn put_incoming(value: Dynamic) {
    INCOMING.with_borrow_mut(|slot| *slot = Some(value));
}

pub(crate) fn take_incoming() -> Option<Dynamic> {
    INCOMING.with_borrow_mut(Option::take)
}
