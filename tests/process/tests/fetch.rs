//! Plugins from manifests and archives.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod support;

use flate2::{Compression, write::GzEncoder};
use go_plugin::{
    Client, Error, ErrorKind, Protocol,
    fetch::{Fetcher, Installed, Manifest},
};
use minisign::KeyPair;
use process_tests::{ActorPlugin, HANDSHAKE};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Cursor, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};
use support::eventually;
use tokio::time::timeout;
use zip::{ZipWriter, write::SimpleFileOptions};

fn sha256(bytes: &[u8]) -> String {
    let digits: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digits}")
}

/// A program that is an `actor` with its version in the environment.
fn program(version: &str) -> Vec<u8> {
    format!("#!/bin/sh\nVERSION={version} exec '{}' \"$@\"\n", env!("CARGO_BIN_EXE_actor")).into_bytes()
}

fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, contents) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(contents).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn tarred(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, contents) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(contents.len() as u64);
        header.set_mode(0o755);
        // Not through `set_path`, which refuses what is to be refused here.
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        tar.append(&header, *contents).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

fn tarred_link(name: &str, target: &str) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    tar.append_link(&mut header, name, target).unwrap();
    tar.into_inner().unwrap().finish().unwrap()
}

/// Serves files over HTTP on the loopback address, until the test ends.
struct Site {
    files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    requests: Arc<AtomicU64>,
    url: String,
}

impl Site {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let site = Self { files: Arc::default(), requests: Arc::default(), url };
        let (files, requests) = (Arc::clone(&site.files), Arc::clone(&site.requests));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (files, requests) = (Arc::clone(&files), Arc::clone(&requests));
                thread::spawn(move || {
                    requests.fetch_add(1, Ordering::Relaxed);
                    // A client may go when it has seen enough.
                    let _ = answer(stream.unwrap(), &files);
                });
            }
        });
        site
    }

    /// Puts a file there and says where.
    fn put(&self, name: &str, contents: Vec<u8>) -> String {
        self.files.lock().unwrap().insert(format!("/{name}"), contents);
        format!("{}/{name}", self.url)
    }
}

fn answer(stream: TcpStream, files: &Mutex<BTreeMap<String, Vec<u8>>>) -> std::io::Result<()> {
    let mut lines = BufReader::new(&stream).lines();
    let path = lines.next().unwrap()?.split(' ').nth(1).unwrap().to_owned();
    while !lines.next().unwrap()?.is_empty() {}
    let mut stream = &stream;
    let Some(contents) = files.lock().unwrap().get(&path).cloned() else {
        return stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    };
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", contents.len())?;
    if path.starts_with("/slow") {
        for byte in contents {
            stream.write_all(&[byte])?;
            thread::sleep(Duration::from_millis(20));
        }
        return Ok(());
    }
    stream.write_all(&contents)
}

fn manifest(folder: &Path, release: &Value) -> Manifest {
    let path = folder.join("plugins.json");
    let json = json!({"plugins": {"actor": {"constraint": "^1", "releases": [release]}}});
    fs::write(&path, json.to_string()).unwrap();
    Manifest::load(path).unwrap()
}

async fn run(installed: &Installed) -> String {
    let client = Client::builder(HANDSHAKE)
        .plugin("actor", ActorPlugin::client())
        .allowed_protocols([Protocol::Grpc])
        .command(installed.command())
        .checksum(installed.checksum().clone())
        .start()
        .await
        .unwrap();
    let actor = client.dispense::<ActorPlugin>("actor").await.unwrap();
    let version = actor.act("env VERSION").await.unwrap();
    client.kill().await.unwrap();
    version
}

#[tokio::test]
async fn a_plugin_is_fetched_verified_unpacked_and_run() {
    let site = Site::start();
    let keys = KeyPair::generate_unencrypted_keypair().unwrap();
    let program = program("1.2.0");
    let files: [(&str, &[u8]); 2] = [("README", b"hello"), ("bin/actor", &program)];
    for (name, archive) in [("a.zip", zipped(&files)), ("a.tar.gz", tarred(&files))] {
        for local in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let signature =
                minisign::sign(None, &keys.sk, Cursor::new(&archive), None, None).unwrap().into_string();
            let (location, signature) = if local {
                fs::write(dir.path().join(name), &archive).unwrap();
                fs::write(dir.path().join("a.minisig"), signature).unwrap();
                (name.to_owned(), "a.minisig".to_owned())
            } else {
                (site.put(name, archive.clone()), site.put("a.minisig", signature.into_bytes()))
            };
            let source = json!({"location": location, "checksum": sha256(&archive), "signature": signature});
            let release = json!({"version": "1.2.0", "command": "bin/actor", "args": ["current-thread"], "source": source});
            let manifest = manifest(dir.path(), &release);
            let received = Arc::new(AtomicU64::new(0));
            let shown = Arc::clone(&received);
            let fetcher = Fetcher::new(dir.path().join("cache"))
                .public_key(&keys.pk.to_base64())
                .unwrap()
                .on_progress(move |progress| {
                    assert!(progress.received <= progress.total.unwrap());
                    shown.store(progress.received, Ordering::Relaxed);
                });
            let installed = fetcher.install(&manifest, "actor").await.unwrap();
            assert_eq!(installed.version().to_string(), "1.2.0");
            assert_eq!(received.load(Ordering::Relaxed), archive.len() as u64);
            assert_eq!(run(&installed).await, "1.2.0");

            // The next time it is there.
            let requests = site.requests.load(Ordering::Relaxed);
            let again = fetcher.install(&manifest, "actor").await.unwrap();
            assert_eq!(
                (again.program(), site.requests.load(Ordering::Relaxed)),
                (installed.program(), requests)
            );

            // A program that was changed in the cache is not started.
            fs::write(again.program(), "#!/bin/sh\necho evil\n").unwrap();
            let start = Client::builder(HANDSHAKE)
                .plugin("actor", ActorPlugin::client())
                .command(again.command())
                .checksum(again.checksum().clone())
                .start();
            assert_eq!(start.await.unwrap_err().kind(), ErrorKind::Security);
        }
    }
}

#[tokio::test]
async fn programs_that_share_a_cache_do_not_disturb_each_other() {
    let (site, dir) = (Site::start(), tempfile::tempdir().unwrap());
    let archive = zipped(&[("actor", &program("1.0.0"))]);
    let source = json!({"location": site.put("slow.zip", archive.clone()), "checksum": sha256(&archive)});
    let manifest = manifest(dir.path(), &json!({"version": "1.0.0", "command": "actor", "source": source}));
    let cache = dir.path().join("cache");
    let (first, second) = (Fetcher::new(&cache), Fetcher::new(&cache));
    let (first, second) = tokio::join!(first.install(&manifest, "actor"), second.install(&manifest, "actor"));
    assert_eq!(first.unwrap().program(), second.unwrap().program());
    assert_eq!(left_in(&cache), ["actor"]);
}

async fn refused(manifest: &Manifest, fetcher: &Fetcher) -> Error {
    fetcher.install(manifest, "actor").await.unwrap_err()
}

fn left_in(cache: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(cache) else { return Vec::new() };
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn what_does_not_match_is_refused_and_not_kept() {
    let site = Site::start();
    let (ours, theirs) =
        (KeyPair::generate_unencrypted_keypair().unwrap(), KeyPair::generate_unencrypted_keypair().unwrap());
    let archive = zipped(&[("actor", &program("1.0.0"))]);
    let sign = |keys: &KeyPair, bytes: &[u8]| {
        minisign::sign(None, &keys.sk, Cursor::new(bytes), None, None).unwrap().into_string().into_bytes()
    };
    let location = site.put("a.zip", archive.clone());
    let good = site.put("good", sign(&ours, &archive));
    let other_key = site.put("other-key", sign(&theirs, &archive));
    let other_file = site.put("other-file", sign(&ours, b"another archive"));
    let garbage = site.put("garbage", b"no signature".to_vec());
    let missing = format!("{}/missing", site.url);
    let sum = sha256(&archive);
    for (archive_sum, program_sum, signature, kind, text) in [
        (sha256(b"other"), None, Some(&good), ErrorKind::Security, "checksums did not match"),
        (sum.clone(), Some(sha256(b"other")), Some(&good), ErrorKind::Security, "checksums did not match"),
        (sum.clone(), None, None, ErrorKind::Security, "demands a signature"),
        (sum.clone(), None, Some(&other_key), ErrorKind::Security, "not by a key that this host trusts"),
        (sum.clone(), None, Some(&other_file), ErrorKind::Security, "not by a key that this host trusts"),
        (sum.clone(), None, Some(&garbage), ErrorKind::Security, "no signature of minisign"),
        (sum.clone(), None, Some(&missing), ErrorKind::Io, "404"),
        ("sha256:12".to_owned(), None, Some(&good), ErrorKind::Misuse, "sha256"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let source = json!({"location": location, "checksum": archive_sum, "signature": signature});
        let release =
            json!({"version": "1.0.0", "command": "actor", "checksum": program_sum, "source": source});
        let fetcher = Fetcher::new(dir.path().join("cache")).public_key(&ours.pk.to_base64()).unwrap();
        let error = refused(&manifest(dir.path(), &release), &fetcher).await;
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(text), "{error}");
        let home = dir.path().join("cache/actor");
        assert!(left_in(&home).is_empty() && left_in(&dir.path().join("cache")).len() <= 1, "{error}");
    }
}

#[tokio::test]
async fn archives_that_would_do_harm_are_refused() {
    let large = vec![b'x'; 100_000];
    for (name, archive, command, kind, text) in [
        ("a.zip", zipped(&[("../evil", b"x")]), "evil", ErrorKind::Security, "outside of its folder"),
        ("a.tar.gz", tarred(&[("../evil", b"x")]), "evil", ErrorKind::Security, "outside of its folder"),
        ("a.tar.gz", tarred(&[("/tmp/evil", b"x")]), "evil", ErrorKind::Security, "outside of its folder"),
        (
            "a.tar.gz",
            tarred_link("actor", "/bin/sh"),
            "actor",
            ErrorKind::Security,
            "neither a file nor a folder",
        ),
        (
            "a.zip",
            zipped(&[("actor", &large)]),
            "actor",
            ErrorKind::Security,
            "unpacks to more than 32000 bytes",
        ),
        (
            "a.tar.gz",
            tarred(&[("actor", &large)]),
            "actor",
            ErrorKind::Security,
            "unpacks to more than 32000 bytes",
        ),
        ("a.zip", b"PK".to_vec(), "actor", ErrorKind::Launch, "cannot be unpacked"),
        ("a.tar.gz", b"\x1f\x8b".to_vec(), "actor", ErrorKind::Launch, "cannot be unpacked"),
        ("a.zip", zipped(&[("a", b"x")]), "actor", ErrorKind::Launch, "no actor in the archive"),
        ("a.zip", zipped(&[("a", b"x")]), "../../a", ErrorKind::Launch, "in the archive"),
        ("a.zip", vec![0; 5000], "actor", ErrorKind::Security, "longer than 4000 bytes"),
        ("a.rar", b"x".to_vec(), "actor", ErrorKind::Misuse, "no archive"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(name), &archive).unwrap();
        let source = json!({"location": name, "checksum": sha256(&archive)});
        let release = json!({"version": "1.0.0", "command": command, "source": source});
        let fetcher = Fetcher::new(dir.path().join("cache")).download_limit(4000);
        let error = refused(&manifest(dir.path(), &release), &fetcher).await;
        assert_eq!(error.kind(), kind, "{name} {command}: {error}");
        assert!(error.to_string().contains(text), "{error}");
        assert!(left_in(&dir.path().join("cache/actor")).is_empty() && !dir.path().join("evil").exists());
    }
}

#[tokio::test]
async fn a_program_beside_the_manifest_needs_its_checksum() {
    let dir = tempfile::tempdir().unwrap();
    let contents = program("1.5.0");
    fs::write(dir.path().join("actor"), &contents).unwrap();
    fs::set_permissions(dir.path().join("actor"), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .unwrap();
    let release = |checksum: Option<String>| {
        let release = json!({"version": "1.5.0", "command": "actor", "checksum": checksum});
        manifest(dir.path(), &release)
    };
    let fetcher = Fetcher::new(dir.path().join("cache"));
    let installed = fetcher.install(&release(Some(sha256(&contents))), "actor").await.unwrap();
    assert_eq!(run(&installed).await, "1.5.0");
    assert_eq!(refused(&release(Some(sha256(b"other"))), &fetcher).await.kind(), ErrorKind::Security);
    let error = refused(&release(None), &fetcher).await;
    assert!(error.kind() == ErrorKind::Misuse && error.to_string().contains("sha256sum"), "{error}");
}

#[tokio::test]
async fn a_download_that_is_given_up_leaves_nothing() {
    let (site, dir) = (Site::start(), tempfile::tempdir().unwrap());
    let archive = zipped(&[("actor", &vec![b'x'; 100_000])]);
    let source = json!({"location": site.put("slow.zip", archive.clone()), "checksum": sha256(&archive)});
    let manifest = manifest(dir.path(), &json!({"version": "1.0.0", "command": "actor", "source": source}));
    let fetcher = Fetcher::new(dir.path().join("cache"));
    assert!(timeout(Duration::from_millis(100), fetcher.install(&manifest, "actor")).await.is_err());
    let staged = || left_in(&dir.path().join("cache")).iter().any(|name| name.starts_with(".staging"));
    eventually("the staging folder is gone", || !staged()).await;
}
