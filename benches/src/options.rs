//! What the program is asked for: `bench-rust WORK [--KEY VALUE]…`. The Go program takes the same.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail};
use go_plugin::Protocol;

/// Who does the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// This project.
    Ours,
    /// Nobody: the bare socket or process underneath.
    Raw,
    Gobwire,
    GoNetrpc,
    Goplugin,
    /// tonic without this project, set as this project sets it.
    Tonic,
    /// The same as it comes.
    TonicDefault,
}

impl By {
    const ALL: [(Self, &str); 7] = [
        (Self::Ours, "ours"),
        (Self::Raw, "raw"),
        (Self::Gobwire, "gobwire"),
        (Self::GoNetrpc, "go-netrpc"),
        (Self::Goplugin, "goplugin"),
        (Self::Tonic, "tonic"),
        (Self::TonicDefault, "tonic-default"),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(by, _)| *by == self).map_or("", |(_, name)| name)
    }
}

#[derive(Clone, Debug)]
pub struct Options {
    /// A row of the comparison, or the other end of one.
    pub work: String,
    pub by: By,
    /// What a plugin speaks that can do both.
    pub transport: Protocol,
    /// Whether tokio's multi-thread runtime is used.
    pub multi_thread: bool,
    /// How long to measure.
    pub time: Duration,
    /// The program at the other end.
    pub peer: PathBuf,
    /// Where the other end listens.
    pub socket: PathBuf,
}

impl Options {
    pub fn parse(mut args: impl Iterator<Item = OsString>) -> Result<Self> {
        let text = |arg: OsString| arg.into_string().map_err(|arg| anyhow::anyhow!("{arg:?} is not UTF-8"));
        let mut options = Self {
            work: text(args.next().context("usage: bench-rust WORK [--KEY VALUE]…")?)?,
            by: By::Ours,
            transport: Protocol::NetRpc,
            multi_thread: true,
            time: Duration::from_secs(1),
            peer: std::env::current_exe()?,
            socket: PathBuf::new(),
        };
        while let Some(key) = args.next() {
            let (key, value) = (text(key)?, args.next().context("a key without a value")?);
            match key.as_str() {
                "--peer" => options.peer = value.into(),
                "--socket" => options.socket = value.into(),
                "--transport" => options.transport = text(value)?.parse()?,
                "--time" => options.time = Duration::from_millis(text(value)?.parse()?),
                "--runtime" => options.multi_thread = text(value)? == "multi-thread",
                "--by" => {
                    let name = text(value)?;
                    let found = By::ALL.iter().find(|(_, known)| *known == name);
                    options.by = found.with_context(|| format!("nobody is called {name}"))?.0;
                }
                _ => bail!("unknown option {key}"),
            }
        }
        Ok(options)
    }

    /// The command that starts the other end, for `work`.
    pub fn other_end(&self, work: &str) -> std::process::Command {
        let mut command = std::process::Command::new(&self.peer);
        command.arg(work).args(["--runtime", self.runtime(), "--by", self.by.name()]);
        command
    }

    pub fn runtime(&self) -> &'static str {
        if self.multi_thread { "multi-thread" } else { "current-thread" }
    }

    /// Runs `work` as a task of the runtime asked for: what a program's own tasks do, not its `main`.
    pub fn block_on<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let mut builder = if self.multi_thread {
            tokio::runtime::Builder::new_multi_thread()
        } else {
            tokio::runtime::Builder::new_current_thread()
        };
        builder.enable_all().build()?.block_on(async { tokio::spawn(work).await? })
    }
}
