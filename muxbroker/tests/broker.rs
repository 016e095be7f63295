//! Streams found by number.
#![allow(clippy::unwrap_used)]

mod common;

use common::{pair, within};
use muxbroker::MuxBroker;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn brokers() -> (MuxBroker, MuxBroker) {
    let (client, server) = pair();
    (MuxBroker::new(client), MuxBroker::new(server))
}

#[tokio::test]
async fn ids_start_at_one_on_each_side() {
    let (host, plugin) = brokers();
    assert_eq!((host.next_id(), host.next_id(), plugin.next_id()), (1, 2, 1));
}

#[tokio::test]
async fn dialled_stream_reaches_its_accept_whichever_comes_first() {
    let (host, plugin) = brokers();
    within(async {
        for accept_first in [true, false] {
            let id = plugin.next_id();
            let (accepted, dialled) = tokio::join!(
                async {
                    if !accept_first {
                        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    }
                    plugin.accept(id).await
                },
                async {
                    if accept_first {
                        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    }
                    host.dial(id).await
                }
            );
            let (mut accepted, mut dialled) = (accepted.unwrap(), dialled.unwrap());
            dialled.write_all(b"ping").await.unwrap();
            let mut got = [0; 4];
            accepted.read_exact(&mut got).await.unwrap();
            assert_eq!(&got, b"ping");
        }
    })
    .await;
}
