//! The semantic version that a plugin states.

use super::{options::PING_TIMEOUT, transport::Transport};
use crate::{Error, ErrorKind, Result};
use semver::{Version, VersionReq};

/// How much of a version that is none is quoted, in characters.
const QUOTED: usize = 100;

/// What the plugin says, if it says anything.
pub(super) async fn stated(transport: &Transport) -> Result<Option<Version>> {
    transport.version(PING_TIMEOUT).await?.as_deref().map(parsed).transpose()
}

fn parsed(text: &str) -> Result<Version> {
    text.parse().map_err(|cause| {
        let start: String = text.chars().take(QUOTED).collect();
        let text = format!("the plugin states the version {start:?}, which is not semantic: {cause}");
        Error::new(ErrorKind::Protocol, text).with_source(cause)
    })
}

/// Refuses a plugin whose version is not the required one.
pub(super) async fn check(transport: &Transport, name: &str, required: Option<&VersionReq>) -> Result<()> {
    let Some(required) = required else { return Ok(()) };
    let text = match stated(transport).await? {
        Some(version) if required.matches(&version) => return Ok(()),
        Some(version) => format!("plugin {name} has version {version}, and this host requires {required}"),
        None => format!(
            "plugin {name} states no version, and this host requires {required}: plugins on this library state theirs with \
             `Server::plugin_version`, those on Go's cannot"
        ),
    };
    Err(Error::new(ErrorKind::PluginVersion, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_that_is_none_is_the_plugins_fault_and_quoted_in_part() {
        for text in ["", "1.2", "v1.2.3", "1.2.3\n", &"9".repeat(1 << 20), "1.2.99999999999999999999"] {
            let error = parsed(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Protocol, "{text:.60}");
            assert!(error.to_string().len() < 300, "{text:.60}");
        }
        assert_eq!(parsed("1.2.3").unwrap(), Version::new(1, 2, 3));
    }
}
