//! net/rpc: a header and a body, again and again.

use anyhow::Result;
use serde_gob::{Decoder, Dynamic, Value};

use super::event::Event;

/// What one side of a net/rpc connection sends.
#[derive(Default)]
pub(crate) struct Messages {
    decoder: Decoder,
    header: Option<Header>,
}

struct Header {
    method: String,
    seq: u64,
    error: String,
    /// Go tells by the type, and so do we: the host sends requests on one stream and responses on another.
    response: bool,
}

impl Messages {
    /// Whether the recording may end here.
    pub(crate) fn is_idle(&self) -> bool {
        self.header.is_none() && self.decoder.is_idle()
    }

    /// The inner error says why nothing after this can be read.
    pub(crate) fn feed(
        &mut self,
        stream: u32,
        bytes: &[u8],
        print: &mut impl FnMut(Event<'_>) -> Result<()>,
    ) -> Result<Result<(), String>> {
        self.decoder.feed(bytes);
        loop {
            match self.decoder.ready() {
                Ok(true) => {}
                Ok(false) => return Ok(Ok(())),
                Err(error) => return Ok(Err(error.to_string())),
            }
            let value: Dynamic = match self.decoder.decode() {
                Ok(value) => value,
                Err(error) => return Ok(Err(error.to_string())),
            };
            let Some(Header { method, seq, error, response }) = self.header.take() else {
                let Some(header) = header(&value) else {
                    return Ok(Err(format!("a {} is no header of net/rpc", value.ty)));
                };
                self.header = Some(header);
                continue;
            };
            print(match (response, error.is_empty()) {
                (false, _) => Event::Call { stream, seq, method, argument: value },
                (true, true) => Event::Reply { stream, seq, method, reply: value },
                (true, false) => Event::Failure { stream, seq, method, error },
            })?;
        }
    }
}

fn header(value: &Dynamic) -> Option<Header> {
    let Value::Struct(fields) = &value.value else { return None };
    let response = match value.ty.to_string().as_str() {
        "Request" => false,
        "Response" => true,
        _ => return None,
    };
    // Fields that are zero are not sent.
    let mut header = Header { method: String::new(), seq: 0, error: String::new(), response };
    for (name, value) in fields {
        match (&**name, value) {
            ("ServiceMethod", Value::String(text)) => {
                header.method = String::from_utf8_lossy(&text.0).into_owned()
            }
            ("Error", Value::String(text)) => header.error = String::from_utf8_lossy(&text.0).into_owned(),
            ("Seq", Value::Uint(seq)) => header.seq = *seq,
            _ => return None,
        }
    }
    Some(header)
}
