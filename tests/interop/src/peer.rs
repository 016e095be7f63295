//! A Go program that takes commands.

use std::{
    collections::HashMap,
    ffi::OsStr,
    mem,
    path::Path,
    process::Stdio,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
    sync::{Mutex as AsyncMutex, oneshot},
    time::timeout,
};

use crate::run::{DEADLINE, within};

/// A running program that answers commands (`tests/interop/go/internal/control` is its side).
///
/// Commands run at the same time: each carries a number, and so does its answer. The process is killed when this is
/// dropped.
pub struct Peer {
    name: String,
    child: Child,
    stdin: AsyncMutex<Option<ChildStdin>>,
    next: AtomicU64,
    seen: Arc<Seen>,
}

/// What has come out of the process.
#[derive(Default)]
struct Seen {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: HashMap<u64, oneshot::Sender<Result<String, String>>>,
    stderr: Vec<u8>,
    stdout_ended: bool,
}

impl Peer {
    /// Starts a program built by [`go_program`](crate::go_program).
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn spawn<A: AsRef<OsStr>>(program: &Path, args: impl IntoIterator<Item = A>) -> Peer {
        let mut command = Command::new(program);
        command.args(args);
        Peer::spawn_command(command)
    }

    /// The same for a prepared command; its standard streams are replaced.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn spawn_command(mut command: Command) -> Peer {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap_or_else(|e| panic!("cannot run {command:?}: {e}"));
        let program = Path::new(command.as_std().get_program());
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let seen = Arc::new(Seen::default());
        // Both tasks end with the process, since nothing else holds the other ends of its pipes.
        if let Some(stdout) = child.stdout.take() {
            tokio::spawn(read_answers(stdout, Arc::clone(&seen), name.clone()));
        }
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(read_stderr(stderr, Arc::clone(&seen)));
        }
        let stdin = AsyncMutex::new(child.stdin.take());
        Peer { name, child, stdin, next: AtomicU64::new(1), seen }
    }

    /// Sends a command and waits for its answer; the program's own refusal is the error.
    ///
    /// # Panics
    ///
    /// When no answer comes within [`DEADLINE`](crate::DEADLINE) or the process is gone; the text holds its stderr.
    pub async fn ask(&self, command: &str) -> Result<String, String> {
        self.ask_within(command, DEADLINE).await
    }

    /// [`ask`](Peer::ask) for a command that takes its time.
    ///
    /// # Panics
    ///
    /// When no answer comes within `limit` or the process is gone; the text holds its stderr.
    pub async fn ask_within(&self, command: &str, limit: Duration) -> Result<String, String> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, answer) = oneshot::channel();
        {
            let mut state = self.seen.lock();
            assert!(
                !state.stdout_ended,
                "{} is gone; asked it to {command}\n{}",
                self.name,
                state.stderr_text()
            );
            state.waiting.insert(number, sender);
        }
        let line = format!("{number} {command}\n");
        if let Some(stdin) = self.stdin.lock().await.as_mut() {
            // A process that is gone shows below, with its stderr.
            let _ = stdin.write_all(line.as_bytes()).await;
        }
        match timeout(limit, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => panic!("{} ended before it answered {command:?}\n{}", self.name, self.stderr()),
            Err(_) => panic!("{} took longer than {limit:?} to {command:?}\n{}", self.name, self.stderr()),
        }
    }

    /// [`ask`](Peer::ask) for a command that has to succeed.
    ///
    /// # Panics
    ///
    /// Also when the program refuses.
    pub async fn tell(&self, command: &str) -> String {
        match self.ask(command).await {
            Ok(answer) => answer,
            Err(refusal) => panic!("{} could not {command}: {refusal}\n{}", self.name, self.stderr()),
        }
    }

    /// [`tell`](Peer::tell) for a command that answers with a number.
    ///
    /// # Panics
    ///
    /// Also when the answer is none.
    pub async fn number(&self, command: &str) -> u64 {
        let answer = self.tell(command).await;
        answer
            .parse()
            .unwrap_or_else(|_| panic!("{} answered {command:?} with {answer:?}, no number", self.name))
    }

    /// What the process has written to stderr so far.
    pub fn stderr(&self) -> String {
        self.seen.lock().stderr_text()
    }

    /// The process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Kills the process, as a crash would end it.
    ///
    /// # Panics
    ///
    /// When it cannot be killed.
    pub async fn kill(mut self) {
        let killed = within(&format!("{} to die", self.name), self.child.kill()).await;
        killed.unwrap_or_else(|e| panic!("cannot kill {}: {e}", self.name));
    }

    /// Closes stdin, which ends the program, and returns its exit code and what it wrote to stderr.
    ///
    /// # Panics
    ///
    /// When it does not end within [`DEADLINE`](crate::DEADLINE).
    pub async fn finish(mut self) -> (Option<i32>, String) {
        drop(self.stdin.lock().await.take());
        let status = within(&format!("{} to end with its stdin", self.name), self.child.wait()).await;
        let status = status.unwrap_or_else(|e| panic!("cannot wait for {}: {e}", self.name));
        (status.code(), self.stderr())
    }
}

impl Seen {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

async fn read_answers(stdout: ChildStdout, seen: Arc<Seen>, name: String) {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let mut parts = line.splitn(3, ' ');
        let number = parts.next().and_then(|n| n.parse().ok());
        let answer = match (parts.next(), parts.next().unwrap_or_default()) {
            (Some("ok"), text) => Some(Ok(text.to_owned())),
            (Some("err"), text) => Some(Err(text.to_owned())),
            _ => None,
        };
        match (number, answer) {
            (Some(number), Some(answer)) => {
                let waiting: Option<oneshot::Sender<_>> = seen.lock().waiting.remove(&number);
                // Nobody waits any more when the caller gave up.
                let _ = waiting.map(|w| w.send(answer));
            }
            _ => seen.lock().stderr.extend(format!("{name} wrote on stdout: {line}\n").into_bytes()),
        }
    }
    let mut state = seen.lock();
    state.stdout_ended = true;
    // Dropping the senders tells everybody who still waits.
    drop(mem::take(&mut state.waiting));
}

async fn read_stderr(mut stderr: ChildStderr, seen: Arc<Seen>) {
    let mut chunk = [0; 4096];
    while let Ok(n @ 1..) = stderr.read(&mut chunk).await {
        seen.lock().stderr.extend_from_slice(&chunk[..n]);
    }
}
