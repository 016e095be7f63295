//! The host's end of a net/rpc plugin: one yamux session, on it control, stdout and stderr, then what is dispensed.

use super::{
    RpcClient,
    control::{CONTROL, DISPENSE, DISPENSER, PING, QUIT, VERSION},
    record::{RecordFile, Recorded, Recording},
};
use crate::{
    Error, ErrorKind, Result,
    calls::Calls,
    host::Writer,
    net::{Halves, Overheard},
};
use ::netrpc::{CallOptions, Client, Empty};
use muxbroker::{Config, MuxBroker, Session, Stream};
use std::{path::PathBuf, time::Duration};
use tokio::{
    io::{AsyncWriteExt as _, copy},
    time::{Instant, timeout, timeout_at},
};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use tracing::debug;

/// A connected net/rpc plugin.
pub(crate) struct HostConnection {
    broker: MuxBroker,
    control: Client,
    output: TaskTracker,
    _output_tasks: [AbortOnDropHandle<()>; 2],
    recording: Option<Recording>,
}

impl HostConnection {
    /// Opens the session and its three fixed streams, and makes sure that a plugin answers: everything within `limit`.
    /// Records what crosses the connection into `record`.
    pub(crate) async fn open(
        io: impl Halves,
        record: Option<PathBuf>,
        stdout: Writer,
        stderr: Writer,
        limit: Duration,
    ) -> Result<Self> {
        let (read, write) = io.halves();
        let (read, heard) = Overheard::new(read);
        let (session, recording) = match record {
            Some(path) => {
                let io = tokio::io::join(read, write);
                let (io, recording) = Recorded::new(io, RecordFile::create(&path).await?)?;
                (Session::client(io, Config::default()), Some(recording))
            }
            None => (Session::client_halves(read, write, Config::default()), None),
        };
        let open = async {
            // In this order: the plugin tells them apart by nothing else.
            let control = session.open().await.map_err(session_error)?;
            let streams =
                [session.open().await.map_err(session_error)?, session.open().await.map_err(session_error)?];
            let control = Client::new(control);
            // Nothing has been answered so far: whoever listens there need not speak this protocol.
            ping(&control, CallOptions::new().no_timeout()).await?;
            Ok::<_, Error>((control, streams))
        };
        let (control, [out, err]) = match timeout(limit, open).await {
            Ok(Ok(opened)) => opened,
            Ok(Err(_)) if heard.tls_alert() => {
                let text = "the plugin expects TLS, and none is configured on this side";
                return Err(Error::new(ErrorKind::Security, text));
            }
            Ok(Err(error)) if error.kind() == ErrorKind::Disconnected && !heard.anything() => {
                let text = format!(
                    "the plugin closed the connection before it said anything: it may expect TLS or another protocol ({error})"
                );
                return Err(Error::new(ErrorKind::Disconnected, text).with_source(error));
            }
            Ok(Err(error)) => return Err(error),
            Err(_) => {
                let text = format!("the plugin does not answer on its net/rpc connection within {limit:?}");
                return Err(Error::new(ErrorKind::Timeout, text));
            }
        };
        let output = TaskTracker::new();
        let tasks = [(out, stdout), (err, stderr)].map(|(stream, writer)| {
            AbortOnDropHandle::new(tokio::spawn(output.track_future(deliver(stream, writer))))
        });
        output.close();
        Ok(Self { broker: MuxBroker::new(session), control, output, _output_tasks: tasks, recording })
    }

    /// A connection to a new instance of the plugin registered under `name` on the other side.
    pub(crate) async fn dispense(&self, name: &str, calls: Calls) -> Result<RpcClient> {
        let id: u32 =
            self.control.call(&format!("{DISPENSER}.{DISPENSE}"), name).await.map_err(Error::from_netrpc)?;
        let stream = self.broker.dial(id).await.map_err(session_error)?;
        Ok(RpcClient::for_calls(calls, stream, self.broker.clone()))
    }

    pub(crate) async fn ping(&self, limit: Duration) -> Result<()> {
        ping(&self.control, CallOptions::new().timeout(limit)).await
    }

    /// The version that the plugin states. A plugin without one answers as Go's do, which lack the method.
    pub(crate) async fn version(&self, limit: Duration) -> Result<Option<String>> {
        let options = CallOptions::new().timeout(limit);
        match self.control.call_with(&format!("{CONTROL}.{VERSION}"), &true, options).await {
            Ok(version) => Ok(Some(version)),
            Err(error) if error.is_remote() && error.to_string().starts_with("rpc: can't find ") => Ok(None),
            Err(error) => Err(Error::from_netrpc(error)),
        }
    }

    /// Asks the plugin to quit, takes the rest of its output, and closes the session; all of it within `limit`.
    ///
    /// A plugin may be gone before its answer is through, which is success as well: it did what it was asked to.
    pub(crate) async fn quit(&self, limit: Duration) -> Result<()> {
        let deadline = Instant::now() + limit;
        let asked = self
            .control
            .call_with::<Empty, _>(&format!("{CONTROL}.{QUIT}"), &true, CallOptions::new().timeout(limit))
            .await;
        let asked = match asked {
            Err(error) if !error.is_disconnected() => Err(Error::from_netrpc(error)),
            _ => Ok(()),
        };
        if asked.is_ok() {
            // The plugin closes the streams behind its last output. One that keeps them open has said it all.
            let _ = timeout_at(deadline, self.output.wait()).await;
        }
        self.control.close().await;
        let _ = timeout_at(deadline, self.broker.session().close()).await;
        if let Some(recording) = &self.recording {
            let _ = timeout_at(deadline, recording.finished()).await;
        }
        asked
    }
}

async fn ping(control: &Client, options: CallOptions) -> Result<()> {
    let reply = control.call_with::<Empty, _>(&format!("{CONTROL}.{PING}"), &true, options).await;
    reply.map(drop).map_err(Error::from_netrpc)
}

/// Copies one of the plugin's standard streams until it ends. A writer that fails does not stop the plugin: its output
/// is read and thrown away from then on.
async fn deliver(mut from: Stream, mut to: Writer) {
    if let Err(error) = copy(&mut from, &mut to).await {
        debug!(%error, stream = from.id(), "output of the plugin cannot be delivered any more");
        let _ = copy(&mut from, &mut tokio::io::sink()).await;
    }
    let _ = to.flush().await;
}

/// Whose fault a failed session, stream or broker is.
pub(super) fn session_error(error: muxbroker::Error) -> Error {
    let kind = if error.is_timeout() {
        ErrorKind::Timeout
    } else if error.is_local_closed() {
        ErrorKind::Shutdown
    } else if error.is_protocol() {
        ErrorKind::Protocol
    } else {
        ErrorKind::Disconnected
    };
    Error::new(kind, error.to_string()).with_source(error)
}
