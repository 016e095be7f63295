//! The one error of this crate: opaque, asked with methods instead of matched on.
//!
//! [`Error::fault`] says whose fault a failure was, [`Error::kind`] what happened; neither needs the text.
//! The text is the one that users of Go's go-plugin know, where it has one.

use std::{error::Error as StdError, fmt, process::ExitStatus};

/// What fallible functions of this crate return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any failure of this crate. Ask it questions instead of parsing its text.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    text: String,
    status: Option<ExitStatus>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// Whose fault a failure was.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The program that uses this crate: a wrong argument, a missing option. Change the code.
    Misuse,
    /// The other side's own code answered with an error. Repeating the call gives the same answer.
    Remote,
    /// The plugin program: it would not start, or did not behave like a plugin at all.
    Plugin,
    /// The process or the connection to it is gone. Start it again.
    Disconnected,
    /// Bytes arrived that the protocol does not allow.
    Protocol,
    /// Both sides are fine, but not made for each other: versions or transports do not match.
    Version,
    /// A checksum, a certificate or a signature did not match. Do not retry blindly.
    Security,
    /// A deadline passed.
    Timeout,
    /// The caller gave up.
    Cancelled,
    /// The operating system refused something on this side.
    System,
}

/// What happened, finer than [`Fault`].
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// An option or argument makes no sense; the text says what to do.
    Misuse,
    /// No plugin is registered under the dispensed name.
    UnknownPlugin,
    /// The plugin is registered with another interface than the one dispensed.
    WrongInterface,
    /// The plugin has no half for the transport that its process speaks.
    Unsupported,
    /// The command could not be started.
    Launch,
    /// The plugin printed no handshake line in time.
    StartTimeout,
    /// The process ended before it printed its handshake line.
    ExitedBeforeHandshake,
    /// The first line on standard output is not a handshake line.
    BadHandshake,
    /// The plugin speaks another core protocol.
    CoreVersion,
    /// The plugin's application version is none of the host's.
    AppVersion,
    /// The plugin's semantic version is not one that the host requires, or it states none.
    PluginVersion,
    /// The plugin's transport is not among the allowed ones.
    ProtocolNotAllowed,
    /// A checksum, certificate or signature mismatch.
    Security,
    /// The peer broke the wire protocol.
    Protocol,
    /// The connection ended under a call, or before it.
    Disconnected,
    /// The call came after this side closed the connection.
    Shutdown,
    /// A deadline passed during a call or a life-cycle step.
    Timeout,
    /// The call was cancelled on this side.
    Cancelled,
    /// The other side's implementation returned this error.
    Remote,
    /// The operating system refused something on this side.
    Io,
}

impl ErrorKind {
    /// Whose fault this kind of failure is.
    pub fn fault(self) -> Fault {
        match self {
            Self::Misuse | Self::UnknownPlugin | Self::WrongInterface | Self::Unsupported => Fault::Misuse,
            Self::Launch | Self::StartTimeout | Self::ExitedBeforeHandshake | Self::BadHandshake => {
                Fault::Plugin
            }
            Self::CoreVersion | Self::AppVersion | Self::PluginVersion | Self::ProtocolNotAllowed => {
                Fault::Version
            }
            Self::Security => Fault::Security,
            Self::Protocol => Fault::Protocol,
            Self::Disconnected | Self::Shutdown => Fault::Disconnected,
            Self::Timeout => Fault::Timeout,
            Self::Cancelled => Fault::Cancelled,
            Self::Remote => Fault::Remote,
            Self::Io => Fault::System,
        }
    }
}

impl Error {
    /// An error of an implementation's own: its text crosses the wire, nothing is added to it.
    pub fn msg(text: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Remote, text.to_string())
    }

    /// What happened.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whose fault it was.
    pub fn fault(&self) -> Fault {
        self.0.kind.fault()
    }

    /// The other side's implementation answered with this error; a new connection gives the same answer.
    pub fn is_remote(&self) -> bool {
        self.fault() == Fault::Remote
    }

    /// The plugin process or its connection is gone: start it again.
    pub fn is_disconnected(&self) -> bool {
        self.fault() == Fault::Disconnected
    }

    /// A deadline passed.
    pub fn is_timeout(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Timeout | ErrorKind::StartTimeout)
    }

    /// How the plugin process ended, where that is why the operation failed and it was known in time.
    pub fn exit_status(&self) -> Option<ExitStatus> {
        self.0.status
    }

    pub(crate) fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, text: text.into(), status: None, source: None }))
    }

    pub(crate) fn misuse(text: impl Into<String>) -> Self {
        Self::new(ErrorKind::Misuse, text)
    }

    pub(crate) fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    pub(crate) fn with_status(mut self, status: Option<ExitStatus>) -> Self {
        self.0.status = status;
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Error");
        debug.field("kind", &self.0.kind).field("text", &self.0.text);
        if let Some(status) = &self.0.status {
            debug.field("status", status);
        }
        if let Some(source) = &self.0.source {
            debug.field("source", source);
        }
        debug.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|s| s as _)
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::new(ErrorKind::Io, error.to_string()).with_source(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_word_wide() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    #[test]
    fn every_kind_says_whose_fault_it_is() {
        for (kind, fault) in [
            (ErrorKind::UnknownPlugin, Fault::Misuse),
            (ErrorKind::ExitedBeforeHandshake, Fault::Plugin),
            (ErrorKind::AppVersion, Fault::Version),
            (ErrorKind::Disconnected, Fault::Disconnected),
            (ErrorKind::Remote, Fault::Remote),
        ] {
            assert_eq!(Error::new(kind, "text").fault(), fault);
        }
    }

    #[test]
    fn the_text_is_shown_unadorned() {
        assert_eq!(Error::msg("no such key").to_string(), "no such key");
    }
}
