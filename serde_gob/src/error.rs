//! The error of this crate: one word wide, asked by predicates.

use std::fmt;

/// Result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a value could not be encoded or decoded.
///
/// The text is Go's wherever Go has one. Do not match on it: ask.
///
/// | Question | Who is at fault, what now |
/// |---|---|
/// | [`is_incomplete`](Error::is_incomplete) | nobody: feed more bytes and try again |
/// | [`is_type_mismatch`](Error::is_type_mismatch) | sender and receiver disagree; the value is consumed, the stream goes on |
/// | [`is_value`](Error::is_value) | the value does not fit (out of range, refused by its `Deserialize` or `Serialize`); the stream goes on |
/// | [`is_corrupt`](Error::is_corrupt) | the sender wrote something that is not gob |
/// | [`is_limit`](Error::is_limit) | the value is beyond [`Limits`](crate::Limits) |
/// | [`is_fatal`](Error::is_fatal) | in addition: the borders between values are lost, every later call fails |
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    offset: Option<u64>,
    fatal: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ErrorKind {
    Incomplete {
        /// Nothing of the next value is there.
        between_values: bool,
    },
    Corrupt(Corruption),
    Limit {
        what: &'static str,
        limit: u64,
    },
    Mismatch(Mismatch),
    /// Too large for the receiver; Go's name of the field or local type.
    OutOfRange(String),
    /// Refused by a `Serialize` or `Deserialize` implementation.
    Value(String),
    Encode(EncodeError),
    Io(std::io::ErrorKind, String),
}

/// What is wrong with the bytes.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum Corruption {
    #[error("unexpected EOF")]
    Truncated,
    #[error("gob: encoded unsigned integer out of range")]
    UintTooWide,
    #[error("gob: invalid uint data length {width}: exceeds input size {left}")]
    UintTruncated { width: usize, left: usize },
    #[error("invalid message length")]
    MessageLength,
    #[error("gob: length exceeds input size ({len} bytes)")]
    LengthExceedsInput { len: u64 },
    #[error("gob: decoding array or slice: length exceeds input size ({count} elements)")]
    CountExceedsInput { count: u64 },
    #[error("gob: unknown type id or corrupted data")]
    UnknownType,
    #[error("gob: duplicate type received")]
    DuplicateType,
    #[error("extra data in buffer")]
    ExtraData,
    #[error("gob: bad data: field numbers out of bounds")]
    FieldNumber,
    #[error("gob: decode: corrupted data: non-zero delta for singleton")]
    SingletonDelta,
    #[error("gob: length mismatch in decodeArray")]
    ArrayLength,
    #[error("gob: name too long ({len} bytes): {start:?}...")]
    InterfaceName { len: u64, start: String },
    #[error("gob: bad data: invalid definition of a type")]
    BadDefinition,
}

/// How the sender's type and the receiver's differ.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum Mismatch {
    #[error("gob: decoding into local type {local}, received remote type {remote}")]
    Type {
        local: String,
        remote: String,
        /// These are the types of a whole value, not of a part of it.
        whole: bool,
    },
    #[error("gob: type mismatch in decoder: want struct type {local}; got non-struct")]
    WantStruct { local: String },
    #[error("gob: type mismatch: no fields matched compiling decoder for {local}")]
    NoFields { local: String },
    #[error("gob: wrong type ({local}) for received field {owner}.{field}")]
    Field { local: String, owner: String, field: String },
    #[error(
        "gob: local interface type {local} can only be decoded from remote interface type; received concrete type {remote}"
    )]
    WantInterface { local: String, remote: String },
    #[error("gob: name not registered for interface: {name:?}")]
    NotRegistered { name: String },
    #[error("gob: nil interface where {local} wants a value (use Option)")]
    NilInterface { local: String },
    #[error("gob: array of {remote} elements does not fit {local}")]
    Length { local: String, remote: u64 },
}

/// Why a value cannot be sent.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum EncodeError {
    #[error("gob: cannot encode nil value")]
    Nil,
    #[error("gob: encodeReflectValue: nil element (None inside a slice, array or map)")]
    NilElement,
    #[error("gob: cannot encode nil pointer inside interface value {name:?}")]
    NilInInterface { name: &'static str },
    #[error("gob: type not registered for interface: {name}")]
    NotRegistered { name: String },
    #[error("gob: encoder: message too big")]
    TooBig,
    #[error("gob: GobType describes {described}, but Serialize wrote {written}")]
    Disagreement { described: &'static str, written: &'static str },
    #[error("gob: GobType does not know the field {name:?} here: fields must be written once, in its order")]
    UnknownField { name: &'static str },
    #[error("gob: array of {described} elements, but Serialize wrote {written}")]
    ArrayLength { described: usize, written: usize },
    #[error("gob: Serialize announced {announced} elements and wrote {written}")]
    Count { announced: usize, written: usize },
    #[error("gob: {0}")]
    DynamicType(&'static str),
}

impl Error {
    #[cold]
    #[inline(never)]
    pub(crate) fn new(kind: ErrorKind) -> Self {
        Error(Box::new(Inner { kind, offset: None, fatal: false }))
    }

    #[cold]
    pub(crate) fn limit(what: &'static str, limit: usize) -> Self {
        Error::new(ErrorKind::Limit { what, limit: limit as u64 })
    }

    /// Says where in the stream, unless that is known already.
    pub(crate) fn at(mut self, offset: u64) -> Self {
        self.0.offset.get_or_insert(offset);
        self
    }

    pub(crate) fn fatal(mut self) -> Self {
        self.0.fatal = true;
        self
    }

    pub(crate) fn map_kind(mut self, change: impl FnOnce(ErrorKind) -> ErrorKind) -> Self {
        let kind = std::mem::replace(&mut self.0.kind, ErrorKind::Value(String::new()));
        self.0.kind = change(kind);
        self
    }

    pub(crate) fn duplicate(&self) -> Self {
        Error(Box::new(Inner { kind: self.0.kind.clone(), offset: self.0.offset, fatal: self.0.fatal }))
    }

    /// The bytes fed so far do not hold a whole value. Nothing was consumed: feed more and try again.
    /// At the end of the stream this is Go's `io.EOF` if [`Decoder::is_idle`](crate::Decoder::is_idle), else
    /// its `io.ErrUnexpectedEOF`.
    pub fn is_incomplete(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Incomplete { .. })
    }

    /// Sender and receiver use types that do not fit together.
    pub fn is_type_mismatch(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Mismatch(_))
    }

    /// The types fit, this value does not: out of range, not UTF-8, or refused by the type's own
    /// `Deserialize` or `Serialize` implementation.
    pub fn is_value(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Value(_) | ErrorKind::OutOfRange(_))
    }

    /// The bytes are not gob.
    pub fn is_corrupt(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Corrupt(_))
    }

    /// The value is larger, deeper, or of more types than the [`Limits`](crate::Limits) allow.
    pub fn is_limit(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Limit { .. } | ErrorKind::Encode(EncodeError::TooBig))
    }

    /// The value cannot be written as gob. The encoder and the bytes written before are untouched.
    pub fn is_encode(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Encode(_))
    }

    /// Reading or writing failed underneath (only from [`Reader`](crate::Reader) and
    /// [`Writer`](crate::Writer)).
    pub fn is_io(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Io(..))
    }

    /// It is not known where the next value starts: the stream cannot be used any more, and every
    /// later call on the decoder returns this error. After any other error the offending value is
    /// consumed and the next one can be decoded.
    pub fn is_fatal(&self) -> bool {
        self.0.fatal
    }

    /// Where in the stream the error was found, in bytes from its start. `None` for encoding errors.
    pub fn offset(&self) -> Option<u64> {
        self.0.offset
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.kind {
            ErrorKind::Incomplete { between_values: true } => f.write_str("EOF"),
            ErrorKind::Incomplete { between_values: false } => f.write_str("unexpected EOF"),
            ErrorKind::Corrupt(what) => what.fmt(f),
            ErrorKind::Limit { what, limit } => write!(f, "gob: {what} exceeds the limit of {limit}"),
            ErrorKind::Mismatch(what) => what.fmt(f),
            ErrorKind::OutOfRange(name) => write!(f, "value for {name:?} out of range"),
            ErrorKind::Value(text) | ErrorKind::Io(_, text) => f.write_str(text),
            ErrorKind::Encode(what) => what.fmt(f),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("offset", &self.0.offset)
            .field("fatal", &self.0.fatal)
            .finish()
    }
}

impl std::error::Error for Error {}

impl serde::ser::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Error::new(ErrorKind::Value(message.to_string()))
    }
}

impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Error::new(ErrorKind::Value(message.to_string()))
    }
}

impl From<Corruption> for Error {
    fn from(what: Corruption) -> Self {
        Error::new(ErrorKind::Corrupt(what))
    }
}

impl From<Mismatch> for Error {
    fn from(what: Mismatch) -> Self {
        Error::new(ErrorKind::Mismatch(what))
    }
}

impl From<EncodeError> for Error {
    fn from(what: EncodeError) -> Self {
        Error::new(ErrorKind::Encode(what))
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Error::new(ErrorKind::Io(error.kind(), error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    /// Which questions an error answers with yes, as letters.
    fn answers(error: &Error) -> String {
        let answers = [
            (error.is_incomplete(), 'i'),
            (error.is_type_mismatch(), 't'),
            (error.is_value(), 'v'),
            (error.is_corrupt(), 'c'),
            (error.is_limit(), 'l'),
            (error.is_encode(), 'e'),
            (error.is_io(), 'o'),
            (error.is_fatal(), 'F'),
        ];
        answers.iter().filter(|(yes, _)| *yes).map(|(_, letter)| letter).collect()
    }

    #[test]
    fn every_error_says_what_go_says_and_answers_questions() {
        let truncated = || Error::from(Corruption::Truncated);
        let refused = || io::Error::new(io::ErrorKind::ConnectionRefused, "no");
        for (error, letters, text) in [
            (Error::new(ErrorKind::Incomplete { between_values: true }), "i", "EOF"),
            (Error::new(ErrorKind::Incomplete { between_values: false }), "i", "unexpected EOF"),
            (truncated(), "c", "unexpected EOF"),
            (truncated().fatal(), "cF", "unexpected EOF"),
            (Error::limit("a message", 7), "l", "gob: a message exceeds the limit of 7"),
            (
                Mismatch::NoFields { local: "Point".into() }.into(),
                "t",
                "gob: type mismatch: no fields matched compiling decoder for Point",
            ),
            (Error::new(ErrorKind::OutOfRange("X".into())), "v", "value for \"X\" out of range"),
            (serde::de::Error::custom("not today"), "v", "not today"),
            (serde::ser::Error::custom("not today"), "v", "not today"),
            (EncodeError::Nil.into(), "e", "gob: cannot encode nil value"),
            (EncodeError::TooBig.into(), "le", "gob: encoder: message too big"),
            (refused().into(), "o", "no"),
        ] {
            assert_eq!((answers(&error).as_str(), error.to_string().as_str()), (letters, text));
            let again = error.duplicate();
            assert_eq!((answers(&again).as_str(), again.to_string().as_str()), (letters, text));
        }
    }

    #[test]
    fn the_first_place_that_an_error_is_given_stays() {
        let error = Error::from(Corruption::Truncated);
        assert_eq!(error.offset(), None);
        let error = error.at(7).at(9);
        assert_eq!(error.offset(), Some(7));
        assert_eq!(format!("{error:?}"), "Error { kind: Corrupt(Truncated), offset: Some(7), fatal: false }");
    }
}
