//! Another codec than gob, as Go has one in `net/rpc/jsonrpc`: one JSON text per line and value. It shows that the trait is enough.
#![allow(clippy::unwrap_used)]

use netrpc::{Client, Codec, CodecError, Decoder, Encoder, Methods, ServerBuilder};
use serde::{Serialize, de::DeserializeOwned};
use serde_gob::GobType;

struct Json;
struct JsonEncoder;
#[derive(Default)]
struct JsonDecoder {
    bytes: Vec<u8>,
}

impl Codec for Json {
    type Encoder = JsonEncoder;
    type Decoder = JsonDecoder;

    fn encoder(&self) -> JsonEncoder {
        JsonEncoder
    }

    fn decoder(&self) -> JsonDecoder {
        JsonDecoder::default()
    }
}

impl Encoder for JsonEncoder {
    fn encode<T: Serialize + GobType + ?Sized>(
        &mut self,
        value: &T,
        out: &mut Vec<u8>,
    ) -> Result<(), CodecError> {
        let line = serde_json::to_vec(value).map_err(CodecError::value)?;
        out.extend_from_slice(&line);
        out.push(b'\n');
        Ok(())
    }
}

impl JsonDecoder {
    fn line(&mut self) -> Vec<u8> {
        let end = self.bytes.iter().position(|&byte| byte == b'\n').unwrap();
        self.bytes.drain(..=end).collect()
    }
}

impl Decoder for JsonDecoder {
    fn room(&mut self, least: usize) -> &mut Vec<u8> {
        self.bytes.reserve(least);
        &mut self.bytes
    }

    fn is_idle(&self) -> bool {
        self.bytes.is_empty()
    }

    fn ready(&mut self) -> Result<bool, CodecError> {
        Ok(self.bytes.contains(&b'\n'))
    }

    fn decode<T: DeserializeOwned>(&mut self) -> Result<T, CodecError> {
        serde_json::from_slice(&self.line()).map_err(CodecError::value)
    }

    fn discard(&mut self) -> Result<(), CodecError> {
        self.line();
        Ok(())
    }
}

#[tokio::test]
async fn calls_are_carried_by_another_codec() {
    let arith = Methods::for_codec()
        .method("Double", |n: i64| async move { n.checked_mul(2).ok_or("too large") })
        .method("Hello", |name: String| async move { Ok::<_, String>(format!("Hello, {name}!")) });
    let server = ServerBuilder::for_codec(Json).service("Arith", arith).build().unwrap();
    let (here, there) = tokio::io::duplex(64);
    let serving = tokio::spawn(server.serve(there));
    let client = Client::builder().codec(Json).build(here);

    assert_eq!(client.call::<i64, _>("Arith.Double", &21_i64).await.unwrap(), 42);
    assert_eq!(client.call::<String, _>("Arith.Hello", "gopher").await.unwrap(), "Hello, gopher!");
    let error = client.call::<i64, _>("Arith.Double", &i64::MAX).await.unwrap_err();
    assert!(error.is_remote());
    assert_eq!(error.to_string(), "too large");
    let error = client.call::<i64, _>("Arith.Halve", &1_i64).await.unwrap_err();
    assert_eq!(error.to_string(), "rpc: can't find method Arith.Halve");
    let error = client.call::<i64, _>("Arith.Double", "not a number").await.unwrap_err();
    assert!(error.is_remote(), "{error}");
    let error = client.call::<bool, _>("Arith.Double", &21_i64).await.unwrap_err();
    assert!(error.is_decode(), "{error}");
    assert_eq!(client.call::<i64, _>("Arith.Double", &4_i64).await.unwrap(), 8);

    client.close().await;
    serving.await.unwrap().unwrap();
}
