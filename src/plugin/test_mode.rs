//! A plugin inside another program.

use crate::ReattachConfig;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A plugin that serves within this process; see [`Server::start_test`](crate::Server::start_test). Dropping it ends the
/// serving.
#[derive(Debug)]
pub struct TestServer {
    config: ReattachConfig,
    quit: CancellationToken,
    task: JoinHandle<()>,
}

impl TestServer {
    pub(super) fn start<F: Future<Output = ()> + Send + 'static>(
        config: ReattachConfig,
        serve: impl FnOnce(CancellationToken) -> F,
    ) -> Self {
        let quit = CancellationToken::new();
        Self { config, task: tokio::spawn(serve(quit.clone())), quit }
    }

    /// What hosts reattach by. Go's `ReattachConfigCh`.
    pub fn reattach_config(&self) -> &ReattachConfig {
        &self.config
    }

    /// Waits until the serving has ended: after [`stop`](Self::stop), or because a host asked for it, one that does not know that this is a
    /// test. Cancel safe. Go's `CloseCh`.
    pub async fn ended(&mut self) {
        if !self.task.is_finished() {
            // A panic in it has been reported where it happened.
            let _ = (&mut self.task).await;
        }
    }

    /// Ends the serving: calls under way get a moment, the socket is removed.
    pub async fn stop(mut self) {
        self.quit.cancel();
        self.ended().await;
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.quit.cancel();
    }
}
