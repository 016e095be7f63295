//! Where a running plugin is found, in Go's terms and in the JSON that programs exchange.

use crate::{Address, Error, Protocol, Result};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, btree_map},
    fmt,
    str::FromStr,
};

/// What a host needs to connect to a plugin that runs already. Go's `ReattachConfig`.
///
/// Its serde form, and that of [`ReattachConfigs`], is the one that Terraform reads from `TF_REATTACH_PROVIDERS`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
#[non_exhaustive]
pub struct ReattachConfig {
    /// The transport that the plugin speaks.
    pub protocol: Protocol,
    /// The application version that the plugin serves. 0 as well if whoever wrote this does not know: go-plugin's own hosts do
    /// not say it. The host then takes the plugins of its handshake's version.
    pub version: u32,
    /// Where the plugin listens.
    pub address: Address,
    /// The plugin's process; 0 if there is none that this system knows.
    pub pid: u32,
    /// Whether the plugin runs for a test or in a debugger: then nobody but its starter ends it, and
    /// [`Client::kill`](crate::Client::kill) does nothing.
    pub test: bool,
}

impl ReattachConfig {
    /// A plugin of an unknown version, which may be ended.
    pub fn new(protocol: Protocol, address: Address, pid: u32) -> Self {
        Self { protocol, version: 0, address, pid, test: false }
    }
}

/// Running plugins by name, as the variable `TF_REATTACH_PROVIDERS` holds them. Written and read as JSON.
///
/// ```
/// use go_plugin::ReattachConfigs;
///
/// # fn main() -> Result<(), go_plugin::Error> {
/// let json = r#"{"my/provider": {"Protocol": "grpc", "ProtocolVersion": 6, "Pid": 12345, "Test": true,
///     "Addr": {"Network": "unix", "String": "/tmp/plugin123"}}}"#;
/// let running: ReattachConfigs = json.parse()?;
/// assert_eq!(running.get("my/provider").map(|config| config.version), Some(6));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReattachConfigs(BTreeMap<String, ReattachConfig>);

impl ReattachConfigs {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// What an environment variable holds; none if it is not set or empty.
    ///
    /// # Errors
    /// If it holds something else.
    pub fn from_env(variable: &str) -> Result<Self> {
        match std::env::var_os(variable) {
            Some(json) if !json.is_empty() => json.to_string_lossy().parse().map_err(|error: Error| {
                Error::misuse(format!("the environment variable {variable}: {error}")).with_source(error)
            }),
            _ => Ok(Self::new()),
        }
    }

    /// The plugin of this name.
    pub fn get(&self, name: &str) -> Option<&ReattachConfig> {
        self.0.get(name)
    }

    /// Adds a plugin, or replaces it.
    pub fn insert(&mut self, name: impl Into<String>, config: ReattachConfig) {
        self.0.insert(name.into(), config);
    }

    /// All of them, by name.
    pub fn iter(&self) -> btree_map::Iter<'_, String, ReattachConfig> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a ReattachConfigs {
    type Item = (&'a String, &'a ReattachConfig);
    type IntoIter = btree_map::Iter<'a, String, ReattachConfig>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl FromIterator<(String, ReattachConfig)> for ReattachConfigs {
    fn from_iter<I: IntoIterator<Item = (String, ReattachConfig)>>(configs: I) -> Self {
        Self(configs.into_iter().collect())
    }
}

impl FromStr for ReattachConfigs {
    type Err = Error;

    fn from_str(json: &str) -> Result<Self> {
        serde_json::from_str(json).map_err(|cause| {
            Error::misuse(format!("this is no JSON of running plugins: {cause}")).with_source(cause)
        })
    }
}

/// One line of JSON.
impl fmt::Display for ReattachConfigs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

/// The JSON. go-plugin does not define one; Terraform's is what others took over.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Wire {
    /// The first writers did not have it.
    #[serde(default)]
    protocol: String,
    /// Older writers leave it out.
    #[serde(default)]
    protocol_version: u32,
    #[serde(default)]
    pid: u32,
    #[serde(default)]
    test: bool,
    addr: WireAddress,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireAddress {
    network: String,
    string: String,
}

impl TryFrom<Wire> for ReattachConfig {
    type Error = String;

    fn try_from(wire: Wire) -> Result<Self, String> {
        let protocol = match wire.protocol.as_str() {
            "" => Protocol::NetRpc,
            name => name.parse().map_err(|error: crate::UnknownProtocol| error.to_string())?,
        };
        let address = Address::parse(&wire.addr.network, &wire.addr.string)?;
        if address == Address::Stdio {
            return Err("nobody can reattach to a plugin over its standard input and output".to_owned());
        }
        Ok(Self { protocol, version: wire.protocol_version, address, pid: wire.pid, test: wire.test })
    }
}

impl From<ReattachConfig> for Wire {
    fn from(config: ReattachConfig) -> Self {
        let ReattachConfig { protocol, version, address, pid, test } = config;
        let addr = WireAddress { network: address.network().to_owned(), string: address.to_string() };
        Self { protocol: protocol.to_string(), protocol_version: version, pid, test, addr }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_is_terraforms() {
        let mut config = ReattachConfig::new(Protocol::Grpc, Address::Unix("/path".into()), 12345);
        (config.version, config.test) = (6, true);
        let all: ReattachConfigs = [("p".to_owned(), config)].into_iter().collect();
        let json = r#"{"p":{"Protocol":"grpc","ProtocolVersion":6,"Pid":12345,"Test":true,"Addr":{"Network":"unix","String":"/path"}}}"#;
        assert_eq!(all.to_string(), json);
        assert_eq!(json.parse::<ReattachConfigs>().unwrap(), all);
    }

    #[test]
    fn what_older_writers_leave_out_has_gos_defaults() {
        let json = r#"{"p":{"Addr":{"Network":"tcp","String":"127.0.0.1:1"},"Extra":[1]}}"#;
        let all: ReattachConfigs = json.parse().unwrap();
        let expected = ReattachConfig::new(Protocol::NetRpc, Address::Tcp("127.0.0.1:1".into()), 0);
        assert_eq!(all.get("p"), Some(&expected));
    }

    #[test]
    fn what_is_no_such_json_says_why() {
        for (json, part) in [
            ("", "EOF"),
            ("[]", "a map"),
            (r#"{"p":{}}"#, "Addr"),
            (
                r#"{"p":{"Protocol":"morse","Addr":{"Network":"unix","String":"/p"}}}"#,
                "unknown plugin protocol",
            ),
            (r#"{"p":{"Addr":{"Network":"udp","String":"/p"}}}"#, "unknown address type: udp"),
            (r#"{"p":{"Addr":{"Network":"stdio","String":"stdio"}}}"#, "nobody can reattach"),
            (r#"{"p":{"Pid":-1,"Addr":{"Network":"unix","String":"/p"}}}"#, "-1"),
        ] {
            let error = json.parse::<ReattachConfigs>().unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
