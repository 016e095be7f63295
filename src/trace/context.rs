//! The two headers of W3C Trace Context, read from bytes that anybody may have written.

use std::{fmt, future::Future, sync::Arc};

use crate::{Error, Result};

/// What a `traceparent` of version 00 takes; later versions begin like it.
const PARENT_LEN: usize = 55;

/// How much of a `tracestate` is kept: what the recommendation asks everybody to carry at least.
const MAX_STATE: usize = 512;

/// The most entries that a `tracestate` may have, by the recommendation.
const MAX_MEMBERS: usize = 32;

tokio::task_local! {
    static CURRENT: TraceContext;
}

/// Where a call belongs in a distributed trace: a trace, and in it the span of the caller. W3C's `traceparent` and `tracestate`.
///
/// Displayed as a `traceparent`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    trace: u128,
    span: u64,
    flags: u8,
    state: Option<Arc<str>>,
}

impl TraceContext {
    /// A context made of its parts; the lowest bit of `flags` says that the caller records its spans.
    ///
    /// # Errors
    /// [`Misuse`](crate::ErrorKind::Misuse) if one of the ids is 0, which stands for none.
    pub fn new(trace_id: u128, span_id: u64, flags: u8) -> Result<Self> {
        if trace_id == 0 || span_id == 0 {
            return Err(Error::misuse(
                "a trace and a span have ids other than 0: without them there is no trace context",
            ));
        }
        Ok(Self { trace: trace_id, span: span_id, flags, state: None })
    }

    /// The same with what tracing systems say in a `tracestate`. Of a long one the first 512 bytes' worth of entries is kept; a malformed one
    /// is dropped as a whole, as the recommendation demands.
    pub fn with_state(mut self, tracestate: &str) -> Self {
        self.state = state(tracestate).map(Arc::from);
        self
    }

    /// Reads a `traceparent`.
    ///
    /// # Errors
    /// [`Misuse`](crate::ErrorKind::Misuse) if it is none.
    pub fn parse(traceparent: &str) -> Result<Self> {
        parent(traceparent).ok_or_else(|| {
            Error::misuse("this is no traceparent: it looks like 00-(32 hex digits)-(16 hex digits)-(2 hex digits), ids not 0")
        })
    }

    /// What a peer says about its call. What cannot be understood is as if it had not been said.
    pub(crate) fn received(traceparent: &str, tracestate: &str) -> Option<Self> {
        Some(parent(traceparent)?.with_state(tracestate))
    }

    /// The context of the call that the current task serves, or of the [`scope`](Self::scope) around it. Tasks that are spawned
    /// meanwhile have none of their own: give them theirs with [`scope`](Self::scope).
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Self::clone).ok()
    }

    /// Runs `work` with this as its [`current`](Self::current) context, which its calls to plugins carry.
    pub async fn scope<F: Future>(self, work: F) -> F::Output {
        CURRENT.scope(self, work).await
    }

    /// The same for what does not wait.
    pub(crate) fn sync_scope<T>(self, work: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self, work)
    }

    /// The trace.
    pub fn trace_id(&self) -> u128 {
        self.trace
    }

    /// The caller's span.
    pub fn span_id(&self) -> u64 {
        self.span
    }

    /// W3C's flags; the lowest bit is [`is_sampled`](Self::is_sampled).
    pub fn flags(&self) -> u8 {
        self.flags
    }

    /// Whether the caller may have recorded its span.
    pub fn is_sampled(&self) -> bool {
        self.flags & 1 == 1
    }

    /// The `tracestate`; empty if there is none.
    pub fn state(&self) -> &str {
        self.state.as_deref().unwrap_or_default()
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, self.flags)
    }
}

fn parent(text: &str) -> Option<TraceContext> {
    let known = text.get(..PARENT_LEN)?;
    let mut parts = known.split('-');
    let mut part = |digits| parts.next().filter(|part| part.len() == digits && part.bytes().all(is_digit));
    let (version, trace, span, flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
    // A later version may go on behind a dash, and is read as far as it is known.
    let more = &text[PARENT_LEN..];
    if version == "ff" || !(more.is_empty() || version != "00" && more.starts_with('-')) {
        return None;
    }
    let (trace, span) = (u128::from_str_radix(trace, 16).ok()?, u64::from_str_radix(span, 16).ok()?);
    TraceContext::new(trace, span, u8::from_str_radix(flags, 16).ok()?).ok()
}

fn is_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// The entries that fit, in their order.
fn state(text: &str) -> Option<String> {
    let mut kept = String::new();
    let mut members = 0;
    for member in
        text.split(',').map(|member| member.trim_matches([' ', '\t'])).filter(|member| !member.is_empty())
    {
        members += 1;
        if members > MAX_MEMBERS || !is_member(member) {
            return None;
        }
        let comma = usize::from(!kept.is_empty());
        if kept.len() + comma + member.len() > MAX_STATE {
            break;
        }
        kept.push_str(&","[..comma]);
        kept.push_str(member);
    }
    (!kept.is_empty()).then_some(kept)
}

/// `key=value`, of the characters that either may have.
fn is_member(text: &str) -> bool {
    let key = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@');
    let value = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'=';
    text.split_once('=').is_some_and(|(name, rest)| {
        !name.is_empty() && !rest.is_empty() && name.bytes().all(key) && rest.bytes().all(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_traceparent_is_read_and_written() {
        let context = TraceContext::parse(PARENT).unwrap();
        assert_eq!(context.trace_id(), 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
        assert_eq!((context.span_id(), context.is_sampled()), (0xb7ad_6b71_6920_3331, true));
        assert_eq!(context.to_string(), PARENT);
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        for later in [format!("cc{}", &PARENT[2..]), format!("cc{}-what-the-future-brings", &PARENT[2..])] {
            assert_eq!(TraceContext::parse(&later).unwrap().to_string(), PARENT, "{later}");
        }
    }

    #[test]
    fn what_is_no_traceparent_is_none() {
        for text in [
            "",
            "00",
            &PARENT[..54],
            &format!("{PARENT}-more"),
            &format!("{PARENT} "),
            &format!("ff{}", &PARENT[2..]),
            &format!("cc{}.more", &PARENT[2..]),
            &PARENT.to_uppercase(),
            &PARENT.replace('-', "_"),
            &PARENT.replace("0af7", "+af7"),
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c8031-9cb7ad6b7169203331-01",
            &"ü".repeat(40),
            &format!("{}ü", &PARENT[..54]),
            &"0".repeat(1 << 20),
        ] {
            assert!(TraceContext::received(text, "").is_none(), "{text:.60}");
        }
    }

    #[test]
    fn of_a_tracestate_what_fits_is_kept_and_nothing_of_a_malformed_one() {
        let long = format!("a={}", "x".repeat(300));
        let many = |count: usize| (0..count).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join(",");
        for (text, kept) in [
            ("", ""),
            ("congo=t61rcWkgMzE,rojo=00f067aa0ba902b7", "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"),
            (" a=1 ,, \tb=2", "a=1,b=2"),
            ("tenant@system=x y", "tenant@system=x y"),
            (&format!("{long},b=2"), &format!("{long},b=2")),
            (&format!("{long},{long},b=2"), &long),
            (&many(32), &many(32)),
            (&many(33), ""),
            ("a=1,b", ""),
            ("a=1,=2", ""),
            ("A=1", ""),
            ("a=1=2", ""),
            ("a=\u{7f}", ""),
            ("a=ü", ""),
            ("a=1\r\nx: y", ""),
        ] {
            let context = TraceContext::received(PARENT, text).unwrap();
            assert_eq!(context.state(), kept, "{text:?}");
        }
    }

    #[tokio::test]
    async fn a_scope_sets_the_context_and_ends() {
        let context = TraceContext::parse(PARENT).unwrap();
        let within = context.clone().scope(async { TraceContext::current() }).await;
        assert_eq!((within, TraceContext::current()), (Some(context), None));
    }
}
