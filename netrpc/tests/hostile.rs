//! Bytes that no honest peer sends: errors, never a panic, a hang or memory without bound.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;

use common::{PATIENCE, Peer, Request, Response, client_and_peer, server_and_peer};
use netrpc::{Any, Client, Empty, Gob, Limits, Methods, Server, ServerBuilder, serde_gob::Encoder};
use proptest::{collection::vec, prelude::*, sample::Index};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

fn services() -> Server {
    let methods = Methods::new()
        .method("Text", |text: String| async move { Ok::<_, String>(text) })
        .method("Map", |map: BTreeMap<String, Vec<i64>>| async move { Ok::<_, String>(map) })
        .method("Any", |any: Option<Any>| async move { Ok::<_, String>(any) });
    Server::builder().service("A", methods).build().unwrap()
}

/// What an honest client sends.
fn requests() -> Vec<u8> {
    let (mut encoder, mut out) = (Encoder::new(), Vec::new());
    let header = |encoder: &mut Encoder, out: &mut Vec<u8>, seq: u64, method: &str| {
        encoder.encode(&Request { service_method: method.into(), seq }, out).unwrap();
    };
    header(&mut encoder, &mut out, 0, "A.Text");
    encoder.encode("some text", &mut out).unwrap();
    header(&mut encoder, &mut out, 1, "A.Map");
    encoder.encode(&BTreeMap::from([("key", vec![1_i64, 2, 3])]), &mut out).unwrap();
    header(&mut encoder, &mut out, 2, "A.Any");
    encoder.encode(&Some(Any::from("dynamic")), &mut out).unwrap();
    header(&mut encoder, &mut out, 3, "_goRPC_.Cancel");
    encoder.encode(&common::CancelArgs { seq: 2 }, &mut out).unwrap();
    out
}

/// What an honest server answers to the calls of `prop_client_survives_mutated_replies`.
fn replies() -> Vec<u8> {
    let (mut encoder, mut out) = (Encoder::new(), Vec::new());
    let header = |encoder: &mut Encoder, out: &mut Vec<u8>, seq: u64, error: &str| {
        let service_method = "A.B".into();
        encoder.encode(&Response { service_method, seq, error: error.into() }, out).unwrap();
    };
    header(&mut encoder, &mut out, 1, "");
    encoder.encode(&BTreeMap::from([("key", vec![1_i64, 2, 3])]), &mut out).unwrap();
    header(&mut encoder, &mut out, 0, "");
    encoder.encode("some text", &mut out).unwrap();
    header(&mut encoder, &mut out, 2, "an error");
    encoder.encode(&Empty, &mut out).unwrap();
    out
}

#[derive(Clone, Debug)]
enum Mutation {
    Set(Index, u8),
    Remove(Index),
    Insert(Index, u8),
    Repeat(Index, Index),
    Cut(Index),
}

fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let one = prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        any::<Index>().prop_map(Mutation::Remove),
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Mutation::Insert(at, byte)),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Mutation::Repeat(from, to)),
        any::<Index>().prop_map(Mutation::Cut),
    ];
    vec(one, 1..4)
}

fn mutate(mut bytes: Vec<u8>, mutations: &[Mutation]) -> Vec<u8> {
    for mutation in mutations {
        if bytes.is_empty() {
            break;
        }
        let len = bytes.len();
        match mutation {
            Mutation::Set(at, byte) => bytes[at.index(len)] = *byte,
            Mutation::Remove(at) => drop(bytes.remove(at.index(len))),
            Mutation::Insert(at, byte) => bytes.insert(at.index(len), *byte),
            Mutation::Repeat(from, to) => {
                let (from, to) = (from.index(len), to.index(len));
                bytes.extend_from_within(from.min(to)..from.max(to));
            }
            Mutation::Cut(at) => bytes.truncate(at.index(len)),
        }
    }
    bytes
}

fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { timeout(PATIENCE, future).await.expect("nothing hangs") })
}

/// Feeds bytes to a server, and waits for it to be done with them.
async fn feed_server(bytes: &[u8]) {
    let (serving, peer) = server_and_peer(&services());
    let (mut read, mut write) = tokio::io::split(peer.io);
    let replies = tokio::spawn(async move { read.read_to_end(&mut Vec::new()).await });
    // Refused once the server has seen enough.
    let _ = write.write_all(bytes).await;
    let _ = write.shutdown().await;
    let _ = serving.await.unwrap();
    replies.await.unwrap().unwrap();
}

/// Feeds bytes to a client with three calls under way, and waits for them to end.
async fn feed_client(bytes: &[u8]) {
    let (client, peer) = client_and_peer(Client::builder());
    let (mut read, mut write) = tokio::io::split(peer.io);
    let requests = tokio::spawn(async move { read.read_to_end(&mut Vec::new()).await });
    let replies = async {
        tokio::task::yield_now().await;
        let _ = write.write_all(bytes).await;
        let _ = write.shutdown().await;
    };
    let (text, map, any, ()) = tokio::join!(
        client.call::<String, _>("A.B", &true),
        client.call::<BTreeMap<String, Vec<i64>>, _>("A.B", &true),
        client.call::<Option<Any>, _>("A.B", &true),
        replies,
    );
    drop((text, map, any));
    client.closed().await;
    requests.await.unwrap().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn prop_server_survives_any_bytes(bytes in vec(any::<u8>(), 0..200)) {
        block_on(feed_server(&bytes));
    }

    #[test]
    fn prop_client_survives_any_bytes(bytes in vec(any::<u8>(), 0..200)) {
        block_on(feed_client(&bytes));
    }

    #[test]
    fn prop_server_survives_mutated_requests(mutations in mutations()) {
        block_on(feed_server(&mutate(requests(), &mutations)));
    }

    #[test]
    fn prop_client_survives_mutated_replies(mutations in mutations()) {
        block_on(feed_client(&mutate(replies(), &mutations)));
    }

    #[test]
    fn prop_requests_may_be_split_anywhere(cuts in vec(any::<Index>(), 0..8)) {
        block_on(async {
            let bytes = requests();
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let (_serving, mut peer) = server_and_peer(&services());
            for piece in cuts.windows(2) {
                peer.send_raw(&bytes[piece[0]..piece[1]]).await;
                tokio::task::yield_now().await;
            }
            let mut seen: BTreeMap<u64, String> = BTreeMap::new();
            for _ in 0..4 {
                let response: Response = peer.receive().await;
                // The handler of 2 may be done before it is cancelled, or not.
                assert!(response.seq == 2 || response.error.is_empty(), "{response:?}");
                peer.skip().await;
                seen.insert(response.seq, response.service_method);
            }
            let methods: Vec<_> = seen.into_values().collect();
            assert_eq!(methods, ["A.Text", "A.Map", "A.Any", "_goRPC_.Cancel"]);
        });
    }
}

fn small() -> Gob {
    Gob::with_limits(Limits::default().message_size(1000))
}

#[tokio::test]
async fn request_beyond_the_limit_is_answered_before_it_arrives_and_ends_the_connection() {
    let text = Methods::new().method("Text", |text: String| async move { Ok::<_, String>(text) });
    let server = ServerBuilder::for_codec(small()).service("A", text).build().unwrap();
    let (serving, mut peer) = server_and_peer(&server);
    peer.send_request("A.Text", 0, "fits").await;
    assert_eq!(peer.response::<String>().await.1, "fits");
    peer.send(&Request { service_method: "A.Text".into(), seq: 1 }).await;
    // The length of a message of 1 GiB, and nothing of it.
    peer.send_raw(&[0xfc, 0x40, 0, 0, 0]).await;
    let error = peer.error().await;
    assert_eq!(error.seq, 1);
    assert!(error.error.contains("limit"), "{}", error.error);
    let error = timeout(PATIENCE, serving).await.unwrap().unwrap().unwrap_err();
    assert!(error.is_decode());
    peer.expect_end().await;
}

#[tokio::test]
async fn reply_beyond_the_limit_ends_the_connection() {
    let (here, there) = tokio::io::duplex(64 * 1024);
    let (client, mut peer) = (Client::builder().codec(small()).build(here), Peer::new(there));
    let script = async {
        let (request, _) = peer.request::<bool>().await;
        peer.send(&Response { service_method: "A.B".into(), seq: request.seq, error: String::new() }).await;
        peer.send_raw(&[0xfc, 0x40, 0, 0, 0]).await;
    };
    let (result, ()) = tokio::join!(client.call::<String, _>("A.B", &true), script);
    let error = result.unwrap_err();
    assert!(error.is_decode());
    assert!(error.to_string().starts_with("reading body gob: "), "{error}");
    assert!(client.closed().await.is_decode());
}
