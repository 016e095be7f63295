//! Calls that this side serves, each with its span and in its caller's trace.

use std::sync::Arc;

use ::netrpc::{Args, DispatchError, Handling, Service};

use crate::{Protocol, calls::Serving, trace::TraceContext};

/// A service whose calls are observed.
pub(super) struct Observed {
    /// Whose object it is, if it was dispensed.
    pub(super) plugin: Option<Arc<str>>,
    pub(super) service: Box<dyn Service>,
}

impl Service for Observed {
    fn dispatch(&self, method: &str, args: Args<'_>) -> Result<Handling, DispatchError> {
        let caller = args.trace().and_then(|(parent, state)| TraceContext::received(parent, state));
        let name = args.service_method();
        let Some(serving) = Serving::begin(self.plugin.as_deref(), Protocol::NetRpc, name, caller) else {
            return self.service.dispatch(method, args);
        };
        match serving.within(|| self.service.dispatch(method, args)) {
            Ok(handling) => Ok(Box::pin(async move {
                let result = serving.run(handling).await;
                serving.end(result.is_ok());
                result
            })),
            Err(error) => {
                serving.end(false);
                Err(error)
            }
        }
    }
}
