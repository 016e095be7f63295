//! Objects and streams that travel in calls.

use std::{sync::Arc, time::Duration};

use go_plugin::{
    Error, ErrorKind, GobType, Result,
    netrpc::{ByteStream, Callback},
};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::dispense;

#[go_plugin::interface]
pub trait Adder {
    async fn sum(&self, a: i64, b: i64) -> Result<i64>;
}

struct Add;

#[go_plugin::interface]
impl Adder for Add {
    async fn sum(&self, a: i64, b: i64) -> Result<i64> {
        Ok(a + b)
    }
}

#[derive(Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    prompt: String,
    adder: Callback<dyn Adder>,
}

#[go_plugin::interface]
pub trait Bidirectional {
    async fn add(&self, start: i64, adder: Arc<dyn Adder>) -> Result<i64>;
    async fn only(&self, adder: Arc<dyn Adder>) -> Result<i64>;
    async fn maybe(&self, adder: Option<Arc<dyn Adder>>) -> Result<Option<i64>>;
    #[rpc(args = map)]
    async fn in_map(&self, first: Arc<dyn Adder>, second: Option<Arc<dyn Adder>>) -> Result<String>;
    async fn input(&self, input: Input) -> Result<String>;
    async fn back(&self) -> Result<Callback<dyn Adder>>;
    async fn keep(&self, adder: Arc<dyn Adder>) -> Result<()>;
    async fn later(&self) -> Result<i64>;
    async fn unused(&self, adder: Callback<dyn Adder>) -> Result<()>;
    async fn read(&self, file: ByteStream) -> Result<String>;
    async fn write(&self, file: ByteStream) -> Result<()>;
    async fn talk(&self, line: ByteStream) -> Result<()>;
    async fn open(&self, size: u64) -> Result<ByteStream>;
}

#[derive(Default)]
struct Calls(tokio::sync::Mutex<Option<Arc<dyn Adder>>>);

#[go_plugin::interface]
impl Bidirectional for Calls {
    async fn add(&self, start: i64, adder: Arc<dyn Adder>) -> Result<i64> {
        adder.sum(adder.sum(start, 1).await?, 1).await
    }
    async fn only(&self, adder: Arc<dyn Adder>) -> Result<i64> {
        adder.sum(20, 22).await
    }
    async fn maybe(&self, adder: Option<Arc<dyn Adder>>) -> Result<Option<i64>> {
        match adder {
            Some(adder) => adder.sum(1, 1).await.map(Some),
            None => Ok(Some(0)),
        }
    }
    async fn in_map(&self, first: Arc<dyn Adder>, second: Option<Arc<dyn Adder>>) -> Result<String> {
        Ok(format!("{} {}", first.sum(1, 2).await?, second.is_some()))
    }
    async fn input(&self, input: Input) -> Result<String> {
        let adder = input.adder.connect().await?;
        Ok(format!("{}{}", input.prompt, adder.sum(3, 4).await?))
    }
    async fn back(&self) -> Result<Callback<dyn Adder>> {
        Ok(Callback::offer(Arc::new(Add)))
    }
    async fn keep(&self, adder: Arc<dyn Adder>) -> Result<()> {
        *self.0.lock().await = Some(adder);
        Ok(())
    }
    async fn later(&self) -> Result<i64> {
        match &*self.0.lock().await {
            Some(adder) => adder.sum(40, 2).await,
            None => Err(Error::msg("nothing kept")),
        }
    }
    async fn unused(&self, _: Callback<dyn Adder>) -> Result<()> {
        Ok(())
    }
    async fn read(&self, file: ByteStream) -> Result<String> {
        let mut text = String::new();
        file.into_reader().await?.read_to_string(&mut text).await?;
        Ok(text)
    }
    async fn write(&self, file: ByteStream) -> Result<()> {
        let mut file = file.into_writer().await?;
        file.write_all(b"written").await?;
        file.shutdown().await?;
        Ok(())
    }
    async fn talk(&self, line: ByteStream) -> Result<()> {
        let mut stream = line.into_stream().await?;
        let mut word = [0; 4];
        stream.read_exact(&mut word).await?;
        word.reverse();
        stream.write_all(&word).await?;
        stream.shutdown().await?;
        Ok(())
    }
    async fn open(&self, size: u64) -> Result<ByteStream> {
        Ok(ByteStream::from_reader(tokio::io::repeat(b'z').take(size)))
    }
}

#[tokio::test]
async fn the_other_side_calls_back() {
    let remote = dispense::<dyn Bidirectional>(Arc::new(Calls::default())).await;
    assert_eq!(remote.add(40, Arc::new(Add)).await.unwrap(), 42);
    assert_eq!(remote.only(Arc::new(Add)).await.unwrap(), 42);
    assert_eq!(remote.maybe(Some(Arc::new(Add))).await.unwrap(), Some(2));
    assert_eq!(remote.maybe(None).await.unwrap(), Some(0));
    assert_eq!(remote.in_map(Arc::new(Add), None).await.unwrap(), "3 false");
    assert_eq!(remote.in_map(Arc::new(Add), Some(Arc::new(Add))).await.unwrap(), "3 true");
    let input = Input { prompt: "sum: ".into(), adder: Callback::offer(Arc::new(Add)) };
    assert_eq!(remote.input(input).await.unwrap(), "sum: 7");
}

#[tokio::test]
async fn a_reply_can_be_called_and_a_callback_kept() {
    let remote = dispense::<dyn Bidirectional>(Arc::new(Calls::default())).await;
    let adder = remote.back().await.unwrap().connect().await.unwrap();
    assert_eq!(adder.sum(1, 2).await.unwrap(), 3);
    assert_eq!(remote.later().await.unwrap_err().to_string(), "nothing kept");
    remote.keep(Arc::new(Add)).await.unwrap();
    for _ in 0..3 {
        assert_eq!(remote.later().await.unwrap(), 42);
    }
}

#[tokio::test]
async fn bytes_flow_beside_calls_in_both_directions() {
    let remote = dispense::<dyn Bidirectional>(Arc::new(Calls::default())).await;
    assert_eq!(remote.read(ByteStream::from_reader(&b"contents"[..])).await.unwrap(), "contents");

    let (mut ours, writer) = tokio::io::duplex(64);
    remote.write(ByteStream::from_writer(writer)).await.unwrap();
    let mut text = String::new();
    ours.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "written");

    let (mut ours, theirs) = ByteStream::pair();
    ours.write_all(b"drow").await.unwrap();
    remote.talk(theirs).await.unwrap();
    let mut text = String::new();
    ours.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "word");

    let mut file = remote.open(3 << 20).await.unwrap().into_reader().await.unwrap();
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).await.unwrap();
    assert_eq!(bytes.len(), 3 << 20);
}

#[tokio::test]
async fn callbacks_and_streams_travel_once_and_only_in_calls() {
    let error = serde_gob::to_vec(&Callback::<dyn Adder>::offer(Arc::new(Add))).unwrap_err();
    assert!(error.to_string().contains("travel in calls"), "{error}");
    let remote = dispense::<dyn Bidirectional>(Arc::new(Calls::default())).await;
    let received = remote.back().await.unwrap();
    let error = remote.unused(received).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misuse);
    assert!(error.to_string().contains("cannot be passed on"), "{error}");
    // The connection is none the worse for it.
    assert_eq!(remote.only(Arc::new(Add)).await.unwrap(), 42);
    let offer = Callback::<dyn Adder>::offer(Arc::new(Add));
    assert_eq!(offer.connect().await.unwrap().sum(1, 1).await.unwrap(), 2);
    assert_eq!(ByteStream::pair().1.into_stream().await.unwrap_err().kind(), ErrorKind::Misuse);
}

#[tokio::test]
async fn a_callback_ends_with_what_holds_it() {
    let object = Arc::new(Add);
    let weak = Arc::downgrade(&object);
    let remote = dispense::<dyn Bidirectional>(Arc::new(Calls::default())).await;
    remote.keep(object).await.unwrap();
    assert_eq!(remote.later().await.unwrap(), 42);
    assert!(weak.upgrade().is_some(), "served as long as the other side keeps it");
    remote.keep(Arc::new(Add)).await.unwrap();
    let dropped = async {
        while weak.strong_count() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), dropped).await.expect("the object is let go");
}
