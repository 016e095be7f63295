//! Providers from a registry on loopback, which is written in Go and signs as registries do.

use std::{collections::BTreeMap, path::Path, process::Stdio};

use interop_tests::{Ran, example, go_program, run, within};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

/// A running registry: several hosts, and in each the same namespaces with one provider, `thing`.
struct Registry {
    process: Child,
    hosts: BTreeMap<String, String>,
    dir: TempDir,
}

impl Registry {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new(go_program("tfregistry"));
        command.arg(go_program("tf6")).arg(dir.path().join("ca.pem"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut process = command.spawn().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        within("the registry", stdout.read_line(&mut line)).await.unwrap();
        Self { process, hosts: serde_json::from_str(&line).unwrap(), dir }
    }

    fn cache(&self) -> std::path::PathBuf {
        self.dir.path().join("cache")
    }

    /// Asks for the provider of a namespace, on one of the hosts.
    async fn ask(&self, host: &str, namespace: &str, options: &[&str]) -> Ran {
        let mut command = Command::new(example("tf-schema"));
        command.args(["-n", namespace, "-t", "thing", "--registry", &self.hosts[host]]).args(options);
        command.arg("--cache").arg(self.cache());
        // The registry is here, whatever is between this machine and the world.
        for proxy in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
            command.env_remove(proxy);
        }
        command.env("SSL_CERT_FILE", self.dir.path().join("ca.pem")).env_remove("SSL_CERT_DIR");
        run(command, b"").await
    }

    /// The platforms of the provider that are in the cache.
    fn cached(&self, host: &str, namespace: &str, version: &str) -> usize {
        let url = &self.hosts[host];
        let host = url.strip_prefix("http://").unwrap_or(url).replace(':', "_");
        let dir = self.cache().join(host).join(namespace).join("thing").join(version);
        std::fs::read_dir(dir).map_or(0, |entries| entries.count())
    }
}

fn assert_shows_the_provider(ran: &Ran, about: &str) {
    assert_eq!((ran.code, ran.stderr_text().as_str()), (Some(0), ""), "{about}");
    assert!(
        ran.stdout_text().starts_with("provider\n  # Has everything.\n"),
        "{about}: {}",
        ran.stdout_text()
    );
}

#[tokio::test]
async fn a_provider_is_found_checked_unpacked_and_asked() {
    let registry = Registry::start().await;
    for (host, namespace) in [
        ("relative", "good"),
        ("absolute", "good"),
        ("redirected", "good"),
        // Over TLS, with an authority of the system's.
        ("secure", "good"),
        ("relative", "subkey"),
    ] {
        assert_shows_the_provider(&registry.ask(host, namespace, &[]).await, host);
        assert_eq!(registry.cached(host, namespace, "1.10.0"), 1, "{host}");
    }
    // Neither newer than what can be used nor a preview, unless it is asked for.
    for version in ["1.9.0", "2.0.0-beta1"] {
        let ran = registry.ask("relative", "good", &["--version", version]).await;
        assert_shows_the_provider(&ran, version);
        assert_eq!(registry.cached("relative", "good", version), 1);
    }
    let document = registry.ask("relative", "good", &["--json"]).await;
    let document: serde_json::Value = serde_json::from_slice(&document.stdout).unwrap();
    let address = format!("{}/good/thing", registry.hosts["relative"].strip_prefix("http://").unwrap());
    assert!(
        document["provider_schemas"][&address]["resource_schemas"]["six_thing"].is_object(),
        "{document}"
    );
    nothing_is_left_over(&registry.cache());
}

/// Temporary files beside the hosts.
fn nothing_is_left_over(cache: &Path) {
    for entry in std::fs::read_dir(cache).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name.starts_with("127.0.0.1_") || name.starts_with("localhost_"), "{name}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_package_is_said_and_nothing_of_it_is_kept() {
    let registry = Registry::start().await;
    for (namespace, error) in [
        ("wrong-sum", "thing.zip has the SHA-256 "),
        ("two-sums", "the registry and its signed SHA256SUMS have two checksums for thing.zip"),
        ("other-name", "SHA256SUMS has no checksum for thing.zip"),
        ("changed-sums", "SHA256SUMS has no good signature by a key that the registry names"),
        ("bad-key", "SHA256SUMS has no good signature by a key that the registry names"),
        ("garbage", "SHA256SUMS has no good signature by a key that the registry names"),
        ("unsigned", "SHA256SUMS.sig answers with 404 Not Found"),
        ("no-keys", "the registry names no key that could have signed SHA256SUMS"),
        ("cut-off", "cannot download "),
        ("evil", "the archive would write to \"../../evil\""),
        ("empty", "there is no terraform-provider-thing in the archive"),
        ("no-platform", "no version is built for "),
        ("too-new", "no version speaks protocol 4, 5, 6, but 7.1"),
        ("unknown", "there is no provider 127.0.0.1:"),
    ] {
        let ran = registry.ask("relative", namespace, &[]).await;
        assert_eq!((ran.code, ran.stdout_text().as_str()), (Some(1), ""), "{namespace}");
        assert!(ran.stderr_text().contains(error), "{namespace}: {}", ran.stderr_text());
        assert_eq!(registry.cached("relative", namespace, "1.10.0"), 0, "{namespace}");
    }
    assert!(!registry.dir.path().join("evil").exists());
    let ran = registry.ask("relative", "good", &["--version", "3.0.0"]).await;
    assert!(ran.stderr_text().contains("there is no version 3.0.0, the newest is 2.0.0-beta1"), "{ran:?}");
    let ran = registry.ask("relative", "good", &["--protocol", "4"]).await;
    assert!(ran.stderr_text().contains("no version speaks protocol 4, but 5.0, 6.0, 7.0"), "{ran:?}");
}

#[tokio::test]
async fn what_is_wrong_with_a_host_is_said() {
    let registry = Registry::start().await;
    for (host, error) in [
        ("absent", " is no registry of providers"),
        ("modules-only", " is no registry of providers"),
        ("broken", "/.well-known/terraform.json makes no sense"),
        ("failing", "/.well-known/terraform.json answers with 502 Bad Gateway"),
        ("looping", "too many redirects"),
        ("offline", "Connection refused"),
    ] {
        let ran = registry.ask(host, "good", &[]).await;
        assert_eq!((ran.code, ran.stdout_text().as_str()), (Some(1), ""), "{host}");
        assert!(ran.stderr_text().contains(error), "{host}: {}", ran.stderr_text());
    }
    // A registry that has TLS cannot send anybody where there is none.
    let ran = registry.ask("secure", "downgraded", &[]).await;
    assert_eq!(ran.code, Some(1), "{}", ran.stdout_text());
    assert!(ran.stderr_text().contains("configured for https only"), "{}", ran.stderr_text());
}

#[tokio::test]
async fn what_is_in_the_cache_needs_no_registry() {
    let mut registry = Registry::start().await;
    assert_shows_the_provider(&registry.ask("relative", "good", &[]).await, "from the registry");
    drop(registry.process.stdin.take());
    within("the registry to end", registry.process.wait()).await.unwrap();

    let ran = registry.ask("relative", "good", &["--version", "1.10.0"]).await;
    assert_shows_the_provider(&ran, "from the cache");
    let ran = registry.ask("relative", "good", &[]).await;
    let error = "Error: the cache has version 1.10.0: ask for that to do without the registry: cannot reach ";
    assert!(ran.stderr_text().starts_with(error), "{}", ran.stderr_text());
    let ran = registry.ask("relative", "subkey", &[]).await;
    assert!(ran.stderr_text().starts_with("Error: cannot reach "), "{}", ran.stderr_text());
}
