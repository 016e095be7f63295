//! Serving inside a process that does other things, too.

use super::{Server, TestServer, server::says_true, stdio::Unredirected};
use crate::{
    Address, Error, HandshakeLine, Protocol, ReattachConfig, Result, handshake::env, tls::PluginTls,
};
use std::ffi::OsString;
use tracing::debug;

/// What a host asks of a plugin in this process, in place of the environment that it would have been started in.
#[derive(Default)]
pub(crate) struct Asked {
    /// The versions that it offers.
    pub(crate) versions: Option<String>,
    /// One transport, if more than one would do.
    pub(crate) over: Option<Protocol>,
    /// Whether gRPC connections are to share one socket, as the variable says it.
    pub(crate) multiplex: Option<String>,
    /// Whether standard input and output are to be the connection, as the variable says it.
    pub(crate) stdio: Option<String>,
    /// Its certificate for AutoMTLS.
    pub(crate) client_cert: Option<OsString>,
}

impl Server {
    /// Serves inside this process, beside whatever else runs in it: for tests, and for a plugin that is started in a debugger. Hosts
    /// [reattach](crate::ClientBuilder::reattach) to it. Go's `ServeConfig.Test`.
    ///
    /// There is no cookie and no handshake line, signals and the standard streams stay as they are, nothing ends
    /// the process. Without a host that offers versions it is the lowest one that is served, unless the environment holds the
    /// offer of one. To be called within a tokio runtime.
    ///
    /// # Errors
    /// As for [`run`](Self::run).
    pub fn start_test(self) -> Result<TestServer> {
        // AutoMTLS and multiplexing would be with the host that started the process, which none did.
        let asked = Asked { versions: std::env::var(env::PROTOCOL_VERSIONS).ok(), ..Asked::default() };
        self.start_in_process(asked).map(|(server, _)| server)
    }

    /// The same as a host asks for it, and the line that a process would have printed. If that says that the connection is standard input
    /// and output, these are the caller's to connect, to the address in the server's config.
    pub(crate) fn start_in_process(mut self, asked: Asked) -> Result<(TestServer, HandshakeLine)> {
        let (version, mut protocol, set) = self.chosen(asked.versions.as_deref())?;
        if let Some(over) = asked.over {
            if let Some((name, _)) = set.entries().find(|(_, entry)| !entry.supports(over)) {
                return Err(Error::misuse(format!("plugin {name:?} has no half for {over}")));
            }
            protocol = over;
        }
        let output = Unredirected::default();
        let over_stdio = self.goes_over_stdio(asked.stdio);
        let multiplex = protocol == Protocol::Grpc && (over_stdio || says_true(asked.multiplex));
        let tls = std::mem::take(&mut self.tls);
        let PluginTls { security, certificate } = tls.prepare(asked.client_cert, protocol)?;
        let service = self.service(protocol, &set, output.outlet(), multiplex, security)?;
        let listener = self.listen()?;
        let address = listener.address()?;
        debug!(network = address.network(), %address, "plugin address");
        let mut config = ReattachConfig::new(protocol, address.clone(), std::process::id());
        (config.version, config.test) = (version, true);
        let line = HandshakeLine {
            version,
            address: if over_stdio { Address::Stdio } else { address },
            protocol,
            server_certificate: certificate,
            multiplex: multiplex.then_some(true),
        };
        let server = TestServer::start(config, move |quit| async move {
            service.run(listener, quit, async { output.finish() }).await;
        });
        Ok((server, line))
    }
}
