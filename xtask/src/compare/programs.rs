//! The programs that do the work: building them, running them.

use std::{
    collections::BTreeMap,
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

use super::rows::{Contestant, Language, Runtime};

/// What a program printed: numbers by [key](super::figure::Figure::key).
pub(crate) type Measured = BTreeMap<String, f64>;

/// How long a run may take beyond the time it measures. 500 plugins of Go's take a tenth of it on two busy cores.
const DEADLINE: Duration = Duration::from_secs(180);

/// How often the end of a run is looked for: seldom, so that looking takes nothing from what is measured.
const LOOK: Duration = Duration::from_millis(10);

pub(crate) struct Programs {
    rust: PathBuf,
    /// The Rust program for what has to do with gRPC.
    grpc: PathBuf,
    go: PathBuf,
    /// Where they put what they have to complain about.
    log: PathBuf,
}

impl Programs {
    /// Those that `works` need.
    pub(crate) fn build<'a>(works: impl Iterator<Item = &'a str>) -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask is in the workspace")?;
        let (benches, target) = (root.join("benches"), root.join("target/benches"));
        let (grpc, rest): (Vec<_>, Vec<_>) = works.partition(|work| is_about_grpc(work));
        for (program, features, works) in [("bench-rust", "", rest), ("bench-grpc", "grpc", grpc)] {
            if works.is_empty() {
                continue;
            }
            let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
            cargo.args(["build", "--release", "--bin", program, "--features", features, "--manifest-path"]);
            cargo.arg(benches.join("Cargo.toml")).arg("--target-dir").arg(&target);
            succeed(cargo).with_context(|| format!("building {program}"))?;
        }

        let programs = Self {
            rust: target.join("release/bench-rust"),
            grpc: target.join("release/bench-grpc"),
            go: target.join("bench-go"),
            log: target.join("compare.log"),
        };
        let mut go = Command::new("go");
        go.current_dir(benches.join("go")).arg("build").arg("-o").arg(&programs.go).arg(".");
        // No C compiler is needed. A `go.work` or flags of the user's must not change what is built.
        go.env("CGO_ENABLED", "0").env("GOFLAGS", "-buildvcs=false").env("GOWORK", "off");
        succeed(go).context("building bench-go: Go 1.24 or newer must be on PATH")?;
        Ok(programs)
    }

    /// On what the figures were made.
    pub(crate) fn describe(&self) -> Result<String> {
        let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let cpu = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
        let cores = thread::available_parallelism()?;
        let first = |mut command: Command| -> Result<String> {
            let output = command.output()?;
            Ok(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned())
        };
        let (mut rustc, mut go) = (Command::new("rustc"), Command::new("go"));
        rustc.arg("--version");
        go.arg("version");
        Ok(format!(
            "{}, {cores} cores; {}; {}",
            cpu.unwrap_or("unknown processor"),
            first(rustc)?,
            first(go)?
        ))
    }

    /// Lets `contestant` work once.
    pub(crate) fn measure(&self, work: &str, contestant: Contestant, time: Duration) -> Result<Measured> {
        let program = |language| match language {
            Language::Rust if is_about_grpc(work) => &self.grpc,
            Language::Rust => &self.rust,
            Language::Go => &self.go,
        };
        let mut command = Command::new(program(contestant.driver));
        command.args([work, "--by", contestant.by, "--time", &time.as_millis().to_string()]);
        command.arg("--peer").arg(program(contestant.peer));
        if contestant.runtime != Runtime::None {
            command.args(["--runtime", contestant.runtime.name()]);
        }
        let output =
            self.output(command, DEADLINE + time).with_context(|| format!("{work} by {contestant}"))?;
        serde_json::from_str(&output).with_context(|| format!("{work} by {contestant} printed {output:?}"))
    }

    fn output(&self, mut command: Command, deadline: Duration) -> Result<String> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&self.log)?)
            .spawn()
            .with_context(|| format!("{command:?}"))?;
        let start = Instant::now();
        let status = loop {
            match child.try_wait()? {
                Some(status) => break status,
                None if start.elapsed() < deadline => thread::sleep(LOOK),
                None => {
                    child.kill()?;
                    child.wait()?;
                    bail!("not done after {deadline:?}");
                }
            }
        };
        ensure!(status.success(), "{status}: {}", fs::read_to_string(&self.log)?.trim());
        // One short line, which the pipe has held.
        let stdout = child.stdout.take().context("stdout is piped")?;
        Ok(std::io::read_to_string(stdout)?)
    }
}

fn is_about_grpc(work: &str) -> bool {
    work.starts_with("kv/") || work.split('/').any(|part| part == "grpc")
}

fn succeed(mut command: Command) -> Result<()> {
    let status = command.status().with_context(|| format!("{command:?}"))?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(())
}
