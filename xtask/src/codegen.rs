//! Generates Rust from the `.proto` files of the workspace. The result is committed, so that users need
//! neither `protoc` nor a build script.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail, ensure};

/// One folder of generated code.
struct Set {
    /// The folder that the names of the files, and so reflection, are relative to.
    root: &'static str,
    protos: &'static [&'static str],
    out: &'static str,
}

const SETS: &[Set] = &[
    Set {
        root: "proto",
        protos: &[
            "internal/plugin/grpc_broker.proto",
            "internal/plugin/grpc_controller.proto",
            "internal/plugin/grpc_stdio.proto",
            "goplugin/version.proto",
        ],
        out: "proto/src/generated",
    },
    Set { root: "examples/hello-cli/proto", protos: &["greeter.proto"], out: "examples/hello-cli/generated" },
    Set { root: "examples/grpc/proto", protos: &["kv.proto"], out: "examples/grpc/generated" },
    Set {
        root: "examples/bidirectional/proto",
        protos: &["counter.proto"],
        out: "examples/bidirectional/generated",
    },
    Set {
        root: "examples/streaming/proto",
        protos: &["streamer.proto"],
        out: "examples/streaming/generated",
    },
    Set {
        root: "examples/tf-schema/proto",
        protos: &["tfplugin5.proto", "tfplugin6.proto"],
        out: "examples/tf-schema/generated",
    },
    Set {
        root: "tests/interop/proto/funplugin",
        protos: &["debugtalk.proto"],
        out: "tests/interop/src/generated/funplugin",
    },
    Set {
        root: "tests/interop/proto/tflint",
        protos: &["tflint.proto"],
        out: "tests/interop/src/generated/tflint",
    },
    Set { root: "examples/network/proto", protos: &["network.proto"], out: "examples/network/generated" },
    Set { root: "src/grpc/tests/proto", protos: &["peer.proto"], out: "src/grpc/tests/generated" },
    Set { root: "benches/proto", protos: &["bench.proto"], out: "benches/src/generated" },
];

/// The descriptors that reflection serves, beside the code.
const DESCRIPTORS: &str = "descriptors.bin";

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Replace what is committed.
    Write,
    /// Fail if what is committed differs.
    Check,
}

pub(crate) fn run(mode: Mode) -> Result<()> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has no parent folder")?;
    let fresh = workspace.join("target/codegen");
    let mut stale = Vec::new();
    for set in SETS {
        let dir = fresh.join(set.out);
        generate(workspace, set, &dir).with_context(|| format!("generating {}", set.out))?;
        let committed = workspace.join(set.out);
        match mode {
            Mode::Write => replace(&dir, &committed)?,
            Mode::Check => stale.extend(differences(&dir, &committed)?),
        }
    }
    if !stale.is_empty() {
        let stale: Vec<_> =
            stale.iter().map(|p| p.strip_prefix(workspace).unwrap_or(p).display().to_string()).collect();
        bail!("not what the .proto files say: {}. Run `cargo xtask codegen`.", stale.join(", "));
    }
    Ok(())
}

fn generate(workspace: &Path, set: &Set, dir: &Path) -> Result<()> {
    if dir.exists() {
        fs::remove_dir_all(dir)?;
    }
    fs::create_dir_all(dir)?;
    let mut compiler = protox::Compiler::new([workspace.join(set.root)])?;
    compiler.include_imports(true).include_source_info(true).open_files(set.protos)?;
    tonic_prost_build::configure()
        .emit_rerun_if_changed(false)
        .build_transport(false) // connections come from the plugin client, never from a URL
        .out_dir(dir)
        .compile_fds(compiler.file_descriptor_set())?;
    compiler.include_source_info(false);
    fs::write(dir.join(DESCRIPTORS), compiler.encode_file_descriptor_set())?;
    format(workspace, dir)
}

/// So that `cargo fmt` finds nothing to change.
fn format(workspace: &Path, dir: &Path) -> Result<()> {
    let sources = files(dir)?.into_iter().filter(|name| name.extension().is_some_and(|e| e == "rs"));
    let status = Command::new("rustfmt")
        .args(["--edition", "2024", "--config-path"])
        .arg(workspace)
        .args(sources.map(|name| dir.join(name)))
        .status()
        .context("cannot run rustfmt: install it with `rustup component add rustfmt`")?;
    ensure!(status.success(), "rustfmt failed with {status}");
    Ok(())
}

fn replace(fresh: &Path, committed: &Path) -> Result<()> {
    if committed.exists() {
        fs::remove_dir_all(committed)?;
    }
    fs::create_dir_all(committed)?;
    for path in files(fresh)? {
        fs::copy(fresh.join(&path), committed.join(&path))?;
    }
    Ok(())
}

/// The committed paths that are missing, superfluous or different.
fn differences(fresh: &Path, committed: &Path) -> Result<Vec<PathBuf>> {
    let mut names = files(fresh)?;
    if committed.exists() {
        names.extend(files(committed)?);
    }
    names.sort();
    names.dedup();
    let same = |name: &PathBuf| match (fs::read(fresh.join(name)), fs::read(committed.join(name))) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    };
    Ok(names.into_iter().filter(|name| !same(name)).map(|name| committed.join(name)).collect())
}

fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).with_context(|| dir.display().to_string())?;
    entries.map(|entry| Ok(PathBuf::from(entry?.file_name()))).collect()
}
