//! Pools: plugins that run when they are needed.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod support;

use go_plugin::{Client, ClientBuilder, ErrorKind, Protocol, pool::Pool};
use process_tests::{ActorPlugin, HANDSHAKE};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use support::{LONG, TRANSPORTS, eventually, exists, signal};
use tokio::{task::JoinSet, time::timeout};

/// How to start `program`, which is an `actor`, over `transport`.
fn builder(program: &Path, transport: Protocol) -> ClientBuilder {
    let mut command = Command::new(program);
    command.arg("current-thread").env("ACTOR_TRANSPORT", transport.to_string());
    Client::builder(HANDSHAKE)
        .plugin("actor", ActorPlugin::client())
        .allowed_protocols([transport])
        .command(command)
}

fn actor(transport: Protocol) -> ClientBuilder {
    builder(Path::new(env!("CARGO_BIN_EXE_actor")), transport)
}

/// Puts a program into `dir` that is an actor with something in its environment.
fn install(dir: &Path, name: &str, version: &str) {
    let (new, actor) = (dir.join(".new"), env!("CARGO_BIN_EXE_actor"));
    fs::write(&new, format!("#!/bin/sh\nVERSION={version} exec '{actor}' \"$@\"\n")).unwrap();
    fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(new, dir.join(name)).unwrap();
}

async fn version(pool: &Pool, name: &str) -> String {
    let actor = pool.get(name).await.unwrap().dispense::<ActorPlugin>("actor").await.unwrap();
    actor.act("env VERSION").await.unwrap()
}

#[tokio::test]
async fn a_plugin_starts_when_it_is_needed_and_stops_when_it_is_not() {
    let idle = Duration::from_millis(200);
    let pool = Pool::builder()
        .plugin("netrpc", || actor(Protocol::NetRpc))
        .plugin("grpc", || actor(Protocol::Grpc))
        .idle_timeout(idle)
        .build()
        .unwrap();
    assert_eq!(pool.names(), ["grpc", "netrpc"]);
    for name in ["netrpc", "grpc"] {
        assert!(pool.running().is_empty());
        let lease = pool.get(name).await.unwrap();
        let object = lease.dispense::<ActorPlugin>("actor").await.unwrap();
        let pid = lease.id();
        assert_eq!(pool.running(), [name]);
        // The object alone keeps it.
        drop(lease);
        tokio::time::sleep(3 * idle).await;
        assert_eq!(object.act("pid").await.unwrap(), pid.to_string());
        let again = pool.get(name).await.unwrap();
        assert_eq!(again.id(), pid);
        drop((object, again));
        eventually("the idle plugin is stopped", || !exists(pid) && pool.running().is_empty()).await;
    }
    let unknown = pool.get("nope").await.unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::UnknownPlugin);
}

#[tokio::test]
async fn callers_share_one_start_and_a_dead_plugin_is_started_again() {
    for transport in TRANSPORTS {
        let starts = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&starts);
        let make = move || {
            counted.fetch_add(1, Ordering::Relaxed);
            actor(transport)
        };
        let pool = Pool::builder().plugin("actor", make).build().unwrap();
        let mut callers = JoinSet::new();
        for _ in 0..20 {
            let pool = pool.clone();
            callers.spawn(async move { pool.get("actor").await.unwrap() });
        }
        let leases = callers.join_all().await;
        assert_eq!(starts.load(Ordering::Relaxed), 1);

        signal("KILL", leases[0].id());
        leases[0].exited().await;
        let next = pool.get("actor").await.unwrap();
        assert_ne!(next.id(), leases[0].id());
        next.ping().await.unwrap();
        assert_eq!(starts.load(Ordering::Relaxed), 2);
        // Those of the dead one are of no consequence for the living.
        drop(leases);
        pool.stop().await;
        assert!(next.has_exited() && pool.running().is_empty());
    }
}

#[tokio::test]
async fn a_start_that_fails_or_is_given_up_is_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let pool = Pool::builder().folder(dir.path(), "*", |file| builder(file, Protocol::Grpc)).build().unwrap();
    fs::write(dir.path().join("actor"), "#!/bin/sh\nexit 3\n").unwrap();
    fs::set_permissions(dir.path().join("actor"), fs::Permissions::from_mode(0o755)).unwrap();
    let error = pool.get("actor").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ExitedBeforeHandshake);
    install(dir.path(), "actor", "2");
    assert!(timeout(Duration::from_millis(1), pool.get("actor")).await.is_err());
    assert_eq!(version(&pool, "actor").await, "2");
    pool.stop().await;
}

#[tokio::test]
async fn files_that_come_change_and_go_are_noticed() {
    for transport in TRANSPORTS {
        let dir = tempfile::tempdir().unwrap();
        install(dir.path(), "a.po", "1");
        fs::write(dir.path().join("notes.po"), "not executable").unwrap();
        let pool =
            Pool::builder().folder(dir.path(), "*.po", move |file| builder(file, transport)).build().unwrap();
        assert_eq!(pool.names(), ["a.po"]);
        let old = pool.get("a.po").await.unwrap();
        let pid = old.id();

        install(dir.path(), "b.po", "1");
        assert_eq!(version(&pool, "b.po").await, "1");
        assert_eq!(pool.names(), ["a.po", "b.po"]);

        // Whoever uses the old one goes on with it.
        install(dir.path(), "a.po", "2");
        assert_eq!(version(&pool, "a.po").await, "2");
        let object = old.dispense::<ActorPlugin>("actor").await.unwrap();
        assert_eq!(object.act("env VERSION").await.unwrap(), "1");
        drop((old, object));
        eventually("the replaced one is stopped", || !exists(pid)).await;

        let pid = pool.get("a.po").await.unwrap().id();
        fs::remove_file(dir.path().join("a.po")).unwrap();
        assert_eq!(pool.get("a.po").await.unwrap_err().kind(), ErrorKind::UnknownPlugin);
        eventually("the removed one is stopped", || !exists(pid)).await;

        let kept = pool.get("b.po").await.unwrap();
        drop(pool);
        kept.ping().await.unwrap();
        let pid = kept.id();
        drop(kept);
        eventually("the last of the pool is stopped", || !exists(pid)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_plugins_run_at_once() {
    let mut pool = Pool::builder();
    for n in 0..500 {
        pool = pool.plugin(n.to_string(), move || actor(TRANSPORTS[n % 2]));
    }
    let pool = pool.build().unwrap();
    let mut objects = Vec::new();
    // As many at a time as a machine can start in the limit of a test.
    for names in pool.names().chunks(20) {
        let mut starting = JoinSet::new();
        for name in names {
            let (pool, name) = (pool.clone(), name.clone());
            starting.spawn(async move {
                pool.get(&name).await.unwrap().dispense::<ActorPlugin>("actor").await.unwrap()
            });
        }
        objects.extend(starting.join_all().await);
    }
    assert_eq!(pool.running().len(), 500);
    let mut calls = JoinSet::new();
    for object in objects {
        calls.spawn(async move {
            let pid = timeout(LONG, object.act("pid")).await.expect("the call hangs").unwrap();
            assert_eq!(pid, object.lease().id().to_string());
            pid
        });
    }
    let mut pids = calls.join_all().await;
    pids.sort_unstable();
    pids.dedup();
    assert_eq!(pids.len(), 500);
    pool.stop().await;
    assert!(pids.iter().all(|pid| !exists(pid.parse().unwrap())));
}
