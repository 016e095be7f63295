/// What a [`Decoder`](crate::Decoder) accepts from its peer.
///
/// Memory grows with the bytes that have arrived, never with what a message claims, so the limits
/// bound what a patient attacker can reach. Change single ones:
///
/// ```
/// let limits = serde_gob::Limits::default().message_size(16 << 20).types(1_000);
/// let decoder = serde_gob::Decoder::with_limits(limits);
/// # drop(decoder);
/// ```
#[derive(Debug, Clone)]
pub struct Limits {
    pub(crate) message_size: usize,
    pub(crate) depth: usize,
    pub(crate) types: usize,
    pub(crate) type_bytes: usize,
}

impl Limits {
    /// Default of [`message_size`](Self::message_size): 1 GiB, what Go itself allows on 32-bit
    /// machines (8 GiB on 64-bit ones).
    pub const MESSAGE_SIZE: usize = 1 << 30;
    /// Default of [`depth`](Self::depth): 500. Values are decoded recursively, and this many levels fit into the
    /// 2 MiB of a thread's stack in an unoptimised build too.
    pub const DEPTH: usize = 500;
    /// Default of [`types`](Self::types): 65,536. Large Go programs define a few thousand.
    pub const TYPES: usize = 1 << 16;
    /// Default of [`type_bytes`](Self::type_bytes): 4 MiB. In memory a definition takes up to ten times that.
    pub const TYPE_BYTES: usize = 4 << 20;

    /// Most bytes of one message, and of all messages that one value spans.
    pub fn message_size(mut self, bytes: usize) -> Self {
        self.message_size = bytes;
        self
    }

    /// Most levels of structs, slices, arrays, maps and interfaces around one value.
    pub fn depth(mut self, levels: usize) -> Self {
        self.depth = levels;
        self
    }

    /// Most type definitions in the life of a stream.
    pub fn types(mut self, count: usize) -> Self {
        self.types = count;
        self
    }

    /// Most bytes of type definitions in the life of a stream.
    pub fn type_bytes(mut self, bytes: usize) -> Self {
        self.type_bytes = bytes;
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            message_size: Self::MESSAGE_SIZE,
            depth: Self::DEPTH,
            types: Self::TYPES,
            type_bytes: Self::TYPE_BYTES,
        }
    }
}
