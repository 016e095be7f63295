//! Calls as other programs make them: Go, other versions of an interface, callers without a generated half.

use std::{collections::BTreeMap, sync::Arc};

use go_plugin::{
    ErrorKind, GobType,
    netrpc::{self, Any, Empty},
};
use serde::{Deserialize, Serialize};
use serde_gob::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{
    Greeter, Hello, connection, dispense_raw,
    everything::{Everything, Implementation, Person},
};

#[tokio::test]
async fn an_unknown_method_is_answered_as_go_answers() {
    let rpc = dispense_raw::<dyn Greeter>(Arc::new(Hello)).await;
    for (method, text) in [
        ("Plugin.Hi", "rpc: can't find method Plugin.Hi"),
        ("Plugin.greet", "rpc: can't find method Plugin.greet"),
        ("Other.Greet", "rpc: can't find service Other.Greet"),
        ("Greet", "rpc: service/method request ill-formed: Greet"),
    ] {
        let error = rpc.call::<String, _>(method, &netrpc::Nil).await.unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Remote, text));
    }
    assert_eq!(rpc.call::<String, _>("Plugin.Greet", &netrpc::Nil).await.unwrap(), "Hello!");
}

#[tokio::test]
async fn a_method_without_parameters_takes_any_argument() {
    let rpc = dispense_raw::<dyn Greeter>(Arc::new(Hello)).await;
    for _ in 0..2 {
        assert_eq!(rpc.call::<String, _>("Plugin.Greet", &netrpc::Nil).await.unwrap(), "Hello!");
        assert_eq!(rpc.call::<String, _>("Plugin.Greet", &Empty {}).await.unwrap(), "Hello!");
        assert_eq!(rpc.call::<String, _>("Plugin.Greet", &true).await.unwrap(), "Hello!");
        assert_eq!(rpc.call::<String, _>("Plugin.Greet", "text").await.unwrap(), "Hello!");
        assert_eq!(rpc.call::<String, _>("Plugin.Greet", &Person::default()).await.unwrap(), "Hello!");
        assert_eq!(rpc.call::<String, _>("Plugin.Greet", &vec![1i64, 2]).await.unwrap(), "Hello!");
    }
}

#[tokio::test]
async fn the_raw_way_takes_and_gives_anything() {
    let rpc = dispense_raw::<dyn Everything>(Arc::new(Implementation::default())).await;
    let args =
        BTreeMap::from([("key".to_owned(), Any::from("k")), ("value".to_owned(), Any::from(b"v".to_vec()))]);
    assert_eq!(rpc.call::<String, _>("Plugin.Put", &args).await.unwrap(), "k=v");
    // What a map or a struct lacks is zero, what it has too much is ignored.
    let args = BTreeMap::from([("key".to_owned(), Any::from("k")), ("more".to_owned(), Any::from(1i64))]);
    assert_eq!(rpc.call::<String, _>("Plugin.Put", &args).await.unwrap(), "k=");
    assert_eq!(rpc.call::<String, _>("Plugin.Put", &BTreeMap::<String, Any>::new()).await.unwrap(), "=");
    let old = OldArgs { id: 5, more: "x".into() };
    assert_eq!(rpc.call::<Value, _>("Plugin.OneField", &old).await.unwrap(), Value::Uint(5));
}

fn from_hex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// What Go 1.26 encodes for the same `map[string]interface{}`.
#[test]
fn a_map_of_arguments_has_the_bytes_of_go() {
    use go_plugin::__private::MapArgs;
    let key = MapArgs::new().with::<str, _>("key", "hello");
    let value = MapArgs::new().with::<[u8], _>("value", &b"world"[..]);
    let number = MapArgs::new().with::<i64, _>("n", 5i64);
    let both = MapArgs::new().with::<str, _>("key", "hello").with::<[u8], _>("value", &b"world"[..]);
    for (bytes, go) in [
        (
            serde_gob::to_vec(&key),
            "0d7f040102ff8000010c0110000018ff800001036b657906737472696e670c07000568656c6c6f",
        ),
        (
            serde_gob::to_vec(&value),
            "0d7f040102ff8000010c011000001bff8000010576616c7565075b5d75696e74380a070005776f726c64",
        ),
        (serde_gob::to_vec(&number), "0d7f040102ff8000010c0110000010ff800001016e05696e7436340402000a"),
        (
            serde_gob::to_vec(&both),
            "0d7f040102ff8000010c011000002fff800002036b657906737472696e670c07000568656c6c6f0576616c7565075b5d75696e74380a070005776f726c64",
        ),
        (serde_gob::to_vec(&MapArgs::new()), "0d7f040102ff8000010c0110000004ff800000"),
    ] {
        assert_eq!(bytes.unwrap(), from_hex(go));
    }
}

/// A Go 1.26 client's stream: `Plugin.Put` with a map of both keys, with one of them, `Plugin.Nothing` with
/// `new(interface{})`.
#[tokio::test]
async fn calls_as_go_sends_them_are_answered() {
    const CALLS: &str = "2e7f030101075265717565737401ff80000102010d536572766963654d6574686f64010c0001035365710106000000\
        0fff80010a506c7567696e2e507574000eff81040102ff8200010c011000002fff820002036b657906737472696e670c07000568656c6c6f\
        0576616c7565075b5d75696e74380a070005776f726c6411ff80010a506c7567696e2e5075740101001bff8200010576616c7565075b5d75\
        696e74380a070005776f726c6415ff80010e506c7567696e2e4e6f7468696e6701020003100000";
    #[derive(Debug, Default, Deserialize)]
    #[serde(rename_all = "PascalCase", default)]
    struct Response {
        seq: u64,
        error: String,
    }
    let object = Arc::new(Implementation::default());
    let (host, plugin) = connection();
    let id = netrpc::serve::<dyn Everything>(&plugin, object.clone());
    let mut stream = host.dial(id).await.unwrap();
    stream.write_all(&from_hex(CALLS)).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();

    let mut replies = BTreeMap::new();
    let mut decoder = serde_gob::Decoder::new();
    decoder.feed(&bytes);
    while decoder.ready().unwrap() {
        let response: Response = decoder.decode().unwrap();
        assert_eq!(response.error, "");
        replies.insert(response.seq, decoder.decode::<Value>().unwrap());
    }
    assert_eq!(replies[&0], Value::String(b"hello=world".to_vec().into()));
    assert_eq!(replies[&1], Value::String(b"=world".to_vec().into()), "what the map lacks is zero");
    assert_eq!((replies.len(), object.stored.lock().unwrap().len()), (3, 1));
}

#[derive(Serialize, GobType)]
#[serde(rename_all = "UPPERCASE")]
struct OldArgs {
    id: u64,
    more: String,
}

#[tokio::test]
async fn structs_of_different_versions_go_together() {
    #[derive(Serialize, GobType)]
    #[serde(rename_all = "PascalCase")]
    struct OldPerson {
        tags: BTreeMap<String, String>,
        name: String,
    }
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct NewPerson {
        nick: String,
        friends: Vec<String>,
        name: String,
    }
    let rpc = dispense_raw::<dyn Everything>(Arc::new(Implementation::default())).await;
    let old = OldPerson { tags: BTreeMap::new(), name: "Ann".into() };
    let new: NewPerson = rpc.call("Plugin.Echo", &old).await.unwrap();
    assert_eq!(new, NewPerson { nick: String::new(), friends: Vec::new(), name: "Ann".into() });
    let same: Person = rpc.call("Plugin.Echo", &old).await.unwrap();
    assert_eq!(same, Person { name: "Ann".into(), ..Person::default() });
}

#[tokio::test]
async fn an_argument_of_another_type_fails_that_call_alone() {
    let rpc = dispense_raw::<dyn Everything>(Arc::new(Implementation::default())).await;
    let error = rpc.call::<String, _>("Plugin.Store", &7i64).await.unwrap_err();
    assert_eq!(error.to_string(), "gob: decoding into local type *string, received remote type int");
    let map = BTreeMap::from([("key".to_owned(), Any::from(7i64))]);
    let error = rpc.call::<String, _>("Plugin.Put", &map).await.unwrap_err();
    assert!(error.is_remote(), "{error:?}");
    rpc.call::<Any, _>("Plugin.Store", "fine").await.unwrap();
}
