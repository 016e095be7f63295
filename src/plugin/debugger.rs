//! A plugin that a developer starts, by hand or in a debugger, and that hosts find by their environment.

use super::{Server, TestServer};
use crate::{ReattachConfigs, Result};
use std::io::Write as _;

impl Server {
    /// Serves a plugin that was not started by a host: prints what hosts need to find it, and serves until it is interrupted
    /// (Ctrl-C, and SIGTERM on Unix).
    ///
    /// `variable` is the environment variable in which the hosts look for running plugins, `TF_REATTACH_PROVIDERS` for
    /// Terraform's; `name` is what they know the plugin by. Standard output gets one line that a shell can evaluate:
    ///
    /// ```text
    /// TF_REATTACH_PROVIDERS='{"registry.terraform.io/my/provider":{"Protocol":"grpc",…}}'
    /// ```
    ///
    /// Hosts on this crate read it with [`ReattachConfigs::from_env`]. The plugin is [one of a test](Self::start_test): a host's end does not end
    /// it.
    ///
    /// # Errors
    /// As for [`run`](Self::run), and if standard output cannot be written.
    pub async fn debug(self, variable: &str, name: &str) -> Result<()> {
        let server = self.start_test()?;
        let mut interrupts = Interrupts::new()?;
        announce(&server, variable, name)?;
        let mut server = server;
        let interrupted = tokio::select! {
            () = interrupts.next() => true,
            () = server.ended() => false,
        };
        if interrupted {
            server.stop().await;
        }
        Ok(())
    }
}

fn announce(server: &TestServer, variable: &str, name: &str) -> Result<()> {
    let configs: ReattachConfigs =
        [(name.to_owned(), server.reattach_config().clone())].into_iter().collect();
    let text = format!(
        "The plugin serves, as process {}, until it is interrupted. To have a host use it, set in the host's environment:\n",
        std::process::id()
    );
    // For people: who reads the variable by program need not see it.
    let _ = std::io::stderr().write_all(text.as_bytes());
    // Single quotes end, and begin again, around one that is part of a name.
    let line = format!("{variable}='{}'\n", configs.to_string().replace('\'', r"'\''"));
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(line.as_bytes())?;
    Ok(stdout.flush()?)
}

struct Interrupts {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Interrupts {
    fn new() -> Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            terminate: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = self.terminate.recv() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    }
}
