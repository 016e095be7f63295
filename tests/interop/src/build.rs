//! Building Go programs, each once.

use std::{
    env, fs,
    hash::{DefaultHasher, Hash, Hasher},
    io::ErrorKind,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use rustix::fs::{FlockOperation, flock};

/// How long one build may take. The slowest program that a normal run builds takes under a minute on two busy cores
/// with cold caches; the rest is for machines that also download.
const BUILD_DEADLINE: Duration = Duration::from_secs(600);

/// What `go.mod` of go-plugin v1.8.0 asks for.
const NEEDS_GO: &str =
    "these tests run against Go programs: install Go 1.24 or newer (https://go.dev/dl) and put `go` on PATH";

/// Builds `tests/interop/go/NAME` and returns the executable.
///
/// A folder with a `go.mod` of its own is built as that module, any other as a package of the module in
/// `tests/interop/go`. The result is kept until a source, a version or the Go toolchain changes.
///
/// # Panics
///
/// When Go is missing or the program does not build; the text holds the compiler's output.
pub fn go_program(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("go");
    let folder = root.join(name);
    assert!(folder.is_dir(), "there is no Go program {name}: {} does not exist", folder.display());
    let own_module = folder.join("go.mod").exists();
    let sources: Vec<PathBuf> = if own_module {
        vec![folder.clone()]
    } else {
        // `internal` is what the programs of the shared module have in common.
        vec![root.join("go.mod"), root.join("go.sum"), root.join("internal"), folder.clone()]
    };
    let mut key = toolchain();
    for source in sources.iter().filter(|s| s.exists()) {
        hash_tree(source, &mut key);
    }
    cached(name, key, name, |out| {
        let mut go = go();
        go.arg("build").arg("-o").arg(out.join(name));
        if own_module {
            go.current_dir(&folder).arg(".")
        } else {
            go.current_dir(&root).arg(format!("./{name}"))
        };
        go
    })
}

/// Builds `tests/interop/go/NAME` in the versions that its `RELEASE.mod` pins: a program of ours on an older go-plugin.
///
/// # Panics
///
/// When Go is missing or the program does not build; the text holds the compiler's output.
pub fn go_program_on(release: &str, name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("go").join(name);
    let mut key = toolchain();
    hash_tree(&folder, &mut key);
    cached(&format!("{name}@{release}"), key, name, |out| {
        let mut go = go();
        go.current_dir(&folder).args(["build", &format!("-modfile={release}.mod"), "-o"]).arg(out.join(name));
        go
    })
}

/// Builds somebody else's program, a main package of a public module, at an exact version.
///
/// ```no_run
/// let plugin = interop_tests::upstream("github.com/hashicorp/go-plugin/examples/basic/plugin", "v1.8.0");
/// ```
///
/// # Panics
///
/// When Go is missing or the program does not build; the text holds the compiler's output.
pub fn upstream(package: &str, version: &str) -> PathBuf {
    // `go install` names the executable after the last element of the path.
    let binary = package.rsplit('/').next().unwrap_or(package);
    let label = format!("{}@{version}", package.replace('/', "+"));
    cached(&label, toolchain(), binary, |out| {
        let mut go = go();
        // Outside any module of ours: `pkg@version` takes its dependencies from the package's own go.mod.
        go.current_dir(out).env("GOBIN", out).args(["install", &format!("{package}@{version}")]);
        go
    })
}

/// Builds somebody else's program in the versions that the module in `tests/interop/go/MODULE` pins: for main packages that
/// [`upstream`] cannot install, since their module replaces some of its dependencies or no list of its versions is to be had.
///
/// # Panics
///
/// When Go is missing or the program does not build; the text holds the compiler's output.
pub fn pinned(module: &str, package: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("go").join(module);
    let binary = package.rsplit('/').next().unwrap_or(package);
    let mut key = toolchain();
    ["go.mod", "go.sum"].iter().for_each(|name| hash_tree(&folder.join(name), &mut key));
    cached(&format!("{module}+{}", package.replace('/', "+")), key, binary, |out| {
        let mut go = go();
        go.current_dir(&folder).arg("build").arg("-o").arg(out.join(binary)).arg(package);
        go
    })
}

/// The cargo target directory that this test was built into.
///
/// # Panics
///
/// When the running executable does not lie in one.
pub fn target_dir() -> PathBuf {
    let exe = env::current_exe().unwrap_or_else(|e| panic!("cannot find the running executable: {e}"));
    // Cargo tags the directory, whatever it is called.
    let tagged = exe.ancestors().find(|dir| dir.join("CACHEDIR.TAG").exists());
    tagged.unwrap_or_else(|| panic!("{} is not in a cargo target directory", exe.display())).to_path_buf()
}

fn go() -> Command {
    let mut go = Command::new("go");
    // One compiler at a time, since tests of other packages run beside us. No C compiler is needed. A `go.work` or
    // flags of the user's must not change what is built.
    go.env("GOFLAGS", "-p=1 -buildvcs=false").env("CGO_ENABLED", "0").env("GOWORK", "off");
    go
}

/// Where the key of everything that Go builds begins.
fn toolchain() -> DefaultHasher {
    static VERSION: OnceLock<String> = OnceLock::new();
    let version = VERSION.get_or_init(|| match go().arg("version").output() {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        Ok(output) => panic!("{NEEDS_GO} (`go version` failed: {})", String::from_utf8_lossy(&output.stderr)),
        Err(e) if e.kind() == ErrorKind::NotFound => panic!("{NEEDS_GO}"),
        Err(e) => panic!("{NEEDS_GO} (`go version` failed: {e})"),
    });
    let mut key = DefaultHasher::new();
    version.hash(&mut key);
    key
}

/// Runs a build unless its result is there. The executable appears under its final name only when it is complete.
pub(crate) fn cached(
    label: &str,
    key: DefaultHasher,
    binary: &str,
    command: impl FnOnce(&Path) -> Command,
) -> PathBuf {
    let root = target_dir().join("interop");
    let done = root.join(format!("{label}-{:016x}", key.finish()));
    if done.is_dir() {
        return done.join(binary);
    }
    create_dir(&root);
    let lock = root.join("build.lock");
    let file = fs::File::create(&lock).unwrap_or_else(|e| panic!("cannot create {}: {e}", lock.display()));
    // No deadline: the holder is a build that has one, and the kernel lets go of a dead process's lock.
    // `File::lock` would do, but is younger than the oldest Rust that we support.
    flock(&file, FlockOperation::LockExclusive)
        .unwrap_or_else(|e| panic!("cannot lock {}: {e}", lock.display()));
    if done.is_dir() {
        return done.join(binary);
    }
    remove_older_builds(&root, label);
    let out = root.join(format!("{label}.part"));
    create_dir(&out);
    execute(command(&out), &out.join("build.log"), label);
    assert!(out.join(binary).exists(), "the build of {label} left no {binary} in {}", out.display());
    fs::rename(&out, &done).unwrap_or_else(|e| panic!("cannot rename {}: {e}", out.display()));
    done.join(binary)
}

/// The output goes to a file: a pipe would need a thread of its own to drain it while we watch the clock.
fn execute(mut command: Command, log: &Path, label: &str) {
    let file = fs::File::create(log).unwrap_or_else(|e| panic!("cannot create {}: {e}", log.display()));
    let twin = file.try_clone().unwrap_or_else(|e| panic!("cannot write {} twice: {e}", log.display()));
    let mut child = command
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(twin)
        .spawn()
        .unwrap_or_else(|e| panic!("cannot run {command:?}: {e}"));
    let deadline = Instant::now() + BUILD_DEADLINE;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(20)),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                panic!("building {label} took longer than {BUILD_DEADLINE:?}:\n{command:?}\n{}", read(log));
            }
            Err(e) => panic!("cannot wait for {command:?}: {e}"),
        }
    };
    assert!(status.success(), "building {label} failed with {status}:\n{command:?}\n{}", read(log));
}

fn remove_older_builds(root: &Path, label: &str) {
    let entries = fs::read_dir(root).unwrap_or_else(|e| panic!("cannot list {}: {e}", root.display()));
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let key = name.strip_prefix(label).and_then(|rest| rest.strip_prefix('-'));
        if name == format!("{label}.part") || key.is_some_and(|k| k.len() == 16) {
            // What cannot be removed costs disk space only.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

pub(crate) fn hash_tree(path: &Path, key: &mut DefaultHasher) {
    if path.is_dir() {
        let entries = fs::read_dir(path).unwrap_or_else(|e| panic!("cannot list {}: {e}", path.display()));
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        paths.iter().for_each(|path| hash_tree(path, key));
    } else {
        path.file_name().hash(key);
        fs::read(path).unwrap_or_else(|e| panic!("cannot read {}: {e}", path.display())).hash(key);
    }
}

fn create_dir(path: &Path) {
    fs::create_dir_all(path).unwrap_or_else(|e| panic!("cannot create {}: {e}", path.display()));
}

fn read(log: &Path) -> String {
    fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}
