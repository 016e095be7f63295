//! An `io.Reader` or `io.Writer` of one side, used by the other.

use std::io::Cursor;

use interop_tests::{read_pattern_to_end, within, write_pattern};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::connection::{Connection, on_both_sides};

const SIZE: usize = 1 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn go_reads_a_reader_of_ours() {
    let mut bytes = Cursor::new(Vec::new());
    write_pattern(&mut bytes, 0, SIZE, SIZE).await.unwrap();
    on_both_sides(async |connection: Connection| {
        let sent = connection.broker.send_reader(Cursor::new(bytes.get_ref().clone()));
        let handle = connection.go.number(&format!("dial {}", sent.id())).await;
        assert_eq!(connection.go.number(&format!("drain {handle}")).await, SIZE as u64);
        connection.go.tell(&format!("half {handle}")).await;
        within("the reader to be done", sent.join()).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn we_read_a_reader_of_go() {
    on_both_sides(async |connection: Connection| {
        let id = connection.go.number("next").await as u32;
        let copy = format!("copy {id} words of a reader");
        let read = async {
            let mut reader = connection.broker.receive_reader(id).await.unwrap();
            let mut text = String::new();
            reader.read_to_string(&mut text).await.unwrap();
            text
        };
        let (copied, text) = tokio::join!(connection.go.number(&copy), within("the words", read));
        assert_eq!((copied, text.as_str()), (17, "words of a reader"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn go_writes_to_a_writer_of_ours() {
    on_both_sides(async |connection: Connection| {
        let (near, far) = tokio::io::duplex(64 << 10);
        let stored = tokio::spawn(read_pattern_to_end(far, 0));
        let sent = connection.broker.send_writer(near);
        let handle = connection.go.number(&format!("dial {}", sent.id())).await;
        connection.go.tell(&format!("write {handle} {SIZE}")).await;
        connection.go.tell(&format!("half {handle}")).await;
        // The end of the stream in the other direction says that all is stored.
        assert_eq!(connection.go.number(&format!("drain {handle}")).await, 0);
        within("the writer to be done", sent.join()).await.unwrap();
        assert_eq!(within("the bytes", stored).await.unwrap().unwrap(), SIZE);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn we_write_to_a_writer_of_go() {
    on_both_sides(async |connection: Connection| {
        let id = connection.go.number("next").await as u32;
        let accept = format!("accept {id}");
        let (handle, writer) =
            tokio::join!(connection.go.number(&accept), connection.broker.receive_writer(id));
        let write = async {
            let mut writer = writer.unwrap();
            write_pattern(&mut writer, 0, SIZE, 100_000).await.unwrap();
            writer.shutdown().await.unwrap();
        };
        let store = async {
            assert_eq!(connection.go.number(&format!("drain {handle}")).await, SIZE as u64);
            connection.go.tell(&format!("half {handle}")).await;
        };
        within("the bytes", async { tokio::join!(write, store) }).await;
    })
    .await;
}
