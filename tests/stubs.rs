//! Generated clients against generated services, over brokered streams of an in-memory connection.

#![cfg(feature = "netrpc")]
#![allow(clippy::unwrap_used, missing_docs)] // helpers of tests are tests

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use go_plugin::{
    Error, ErrorKind, GobType, Interface, NetRpcPlugin, Plugin, Result,
    netrpc::{self, Any, ByteStream, Callback, Empty, MuxBroker, RpcClient},
};
use muxbroker::{Config, Session};
use serde::{Deserialize, Serialize};
use serde_gob::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Notify,
};

/// The brokers of a host and of a plugin.
fn connection() -> (MuxBroker, MuxBroker) {
    let (host, plugin) = tokio::io::duplex(64 * 1024);
    let (host, plugin) =
        (Session::client(host, Config::default()), Session::server(plugin, Config::default()));
    (MuxBroker::new(host), MuxBroker::new(plugin))
}

/// What a host gets that dispenses `object`.
async fn dispense<I: Interface + ?Sized>(object: Arc<I>) -> Arc<I> {
    let (host, plugin) = connection();
    let id = netrpc::serve(&plugin, object);
    netrpc::connect(&host, id).await.unwrap()
}

/// The same, to be called by name.
async fn dispense_raw<I: Interface + ?Sized>(object: Arc<I>) -> RpcClient {
    let (host, plugin) = connection();
    let id = netrpc::serve(&plugin, object);
    RpcClient::new(host.dial(id).await.unwrap(), host)
}

#[go_plugin::interface]
pub trait Greeter {
    async fn greet(&self) -> Result<String>;
}

struct Hello;

#[go_plugin::interface]
impl Greeter for Hello {
    async fn greet(&self) -> Result<String> {
        Ok("Hello!".into())
    }
}

#[tokio::test]
async fn a_greeter_greets() {
    let greeter = dispense::<dyn Greeter>(Arc::new(Hello)).await;
    assert_eq!(greeter.greet().await.unwrap(), "Hello!");
    assert_eq!((<dyn Greeter>::NAME, <dyn Greeter>::METHODS), ("Greeter", ["Greet"].as_slice()));
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
pub struct Person {
    name: String,
    age: i64,
    tags: BTreeMap<String, String>,
}

/// An error type of the user's own.
#[derive(Debug)]
pub enum OwnError {
    Plugin(Error),
    Refused,
    Silent,
}

impl From<Error> for OwnError {
    fn from(error: Error) -> Self {
        Self::Plugin(error)
    }
}

impl fmt::Display for OwnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plugin(error) => error.fmt(f),
            Self::Refused => f.write_str("refused"),
            Self::Silent => Ok(()),
        }
    }
}

#[go_plugin::interface]
pub trait Everything {
    async fn echo(&self, person: Person) -> Result<Person>;
    async fn borrow(&self, person: &Person) -> Result<i64>;
    async fn bytes(&self, bytes: &[u8]) -> Result<Vec<u8>>;
    async fn numbers(&self, numbers: &[i64], scale: f64, label: &str) -> Result<Vec<String>>;
    async fn optional(&self, name: Option<String>, r#type: Option<u32>) -> Result<Option<String>>;
    async fn store(&self, key: &str) -> Result<()>;
    async fn nothing(&self) -> Result<()>;
    #[rpc(args = map)]
    async fn put(&self, key: &str, value: &[u8]) -> Result<String>;
    #[rpc(args = map, name = "PutMany")]
    async fn many(
        &self,
        count: i64,
        #[rpc(name = "Ratio")] ratio: f32,
        names: Vec<String>,
        who: Named,
    ) -> Result<String>;
    #[rpc(args = fields)]
    async fn one_field(&self, #[rpc(name = "ID")] id: u64) -> Result<u64>;
    async fn own_error(&self, silent: bool) -> Result<(), OwnError>;
    async fn chain(&self) -> anyhow::Result<String>;
    async fn default_body(&self) -> Result<String> {
        Ok("default".into())
    }
}

/// A struct that the Go side would have registered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
pub struct Named {
    first: String,
}

impl netrpc::Registered for Named {
    const NAME: &'static str = "main.Named";
}

#[derive(Default)]
struct Implementation {
    stored: Mutex<Vec<String>>,
}

#[go_plugin::interface]
impl Everything for Implementation {
    async fn echo(&self, person: Person) -> Result<Person> {
        Ok(person)
    }
    async fn borrow(&self, person: &Person) -> Result<i64> {
        Ok(person.age)
    }
    async fn bytes(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        Ok(bytes.iter().rev().copied().collect())
    }
    async fn numbers(&self, numbers: &[i64], scale: f64, label: &str) -> Result<Vec<String>> {
        Ok(numbers.iter().map(|n| format!("{label}{}", *n as f64 * scale)).collect())
    }
    async fn optional(&self, name: Option<String>, r#type: Option<u32>) -> Result<Option<String>> {
        Ok(Some(format!("{name:?} {type:?}")))
    }
    async fn store(&self, key: &str) -> Result<()> {
        self.stored.lock().unwrap().push(key.into());
        Ok(())
    }
    async fn nothing(&self) -> Result<()> {
        self.store("nothing").await
    }
    async fn put(&self, key: &str, value: &[u8]) -> Result<String> {
        Ok(format!("{key}={}", String::from_utf8_lossy(value)))
    }
    async fn many(&self, count: i64, ratio: f32, names: Vec<String>, who: Named) -> Result<String> {
        Ok(format!("{count} {ratio} {names:?} {}", who.first))
    }
    async fn one_field(&self, id: u64) -> Result<u64> {
        Ok(id)
    }
    async fn own_error(&self, silent: bool) -> Result<(), OwnError> {
        Err(if silent { OwnError::Silent } else { OwnError::Refused })
    }
    async fn chain(&self) -> anyhow::Result<String> {
        Err(anyhow::anyhow!("file missing").context("reading the configuration"))
    }
}

#[tokio::test]
async fn arguments_and_replies_arrive_as_they_were() {
    let object = Arc::new(Implementation::default());
    let remote = dispense::<dyn Everything>(object.clone()).await;
    let person = Person { name: "Ann".into(), age: -3, tags: BTreeMap::from([("a".into(), "b".into())]) };
    assert_eq!(remote.echo(person.clone()).await.unwrap(), person);
    assert_eq!(remote.echo(Person::default()).await.unwrap(), Person::default());
    assert_eq!(remote.borrow(&person).await.unwrap(), -3);
    assert_eq!(remote.bytes(b"abc").await.unwrap(), b"cba");
    assert_eq!(remote.numbers(&[1, 2], 0.5, "n").await.unwrap(), ["n0.5", "n1"]);
    assert_eq!(remote.numbers(&[], 0.0, "").await.unwrap(), Vec::<String>::new());
    assert_eq!(remote.optional(Some("x".into()), None).await.unwrap().unwrap(), "Some(\"x\") None");
    remote.store("k").await.unwrap();
    remote.nothing().await.unwrap();
    assert_eq!(*object.stored.lock().unwrap(), ["k", "nothing"]);
    assert_eq!(remote.put("k", b"v").await.unwrap(), "k=v");
    let names = vec!["a".to_owned(), "b".to_owned()];
    assert_eq!(
        remote.many(2, 0.25, names, Named { first: "Bo".into() }).await.unwrap(),
        r#"2 0.25 ["a", "b"] Bo"#
    );
    assert_eq!(remote.one_field(7).await.unwrap(), 7);
    assert_eq!(remote.default_body().await.unwrap(), "default");
}

/// `Arc` has methods too, and they must not be taken for the interface's.
#[tokio::test]
async fn a_method_may_have_any_name() {
    #[go_plugin::interface]
    trait Names {
        async fn clone(&self) -> Result<String>;
        async fn as_ref(&self, service: String) -> Result<String>;
        async fn call(&self, rpc: String, method: i64, args: bool) -> Result<String>;
        #[deprecated]
        async fn r#move(&self, object: String, again: bool) -> Result<String>;
        #[rpc(name = "Moved")]
        async fn move_(&self, object: String, again: bool) -> Result<String>;
    }
    struct Names1;
    #[go_plugin::interface]
    impl Names for Names1 {
        async fn clone(&self) -> Result<String> {
            Ok("clone".into())
        }
        async fn as_ref(&self, service: String) -> Result<String> {
            Ok(service)
        }
        async fn call(&self, rpc: String, method: i64, args: bool) -> Result<String> {
            Ok(format!("{rpc} {method} {args}"))
        }
        async fn r#move(&self, object: String, _: bool) -> Result<String> {
            Ok(object)
        }
        async fn move_(&self, object: String, again: bool) -> Result<String> {
            Ok(format!("{object} {again}"))
        }
    }
    let remote = &*dispense::<dyn Names>(Arc::new(Names1)).await;
    assert_eq!(Names::clone(remote).await.unwrap(), "clone");
    assert_eq!(Names::as_ref(remote, "s".into()).await.unwrap(), "s");
    assert_eq!(remote.call("r".into(), 1, true).await.unwrap(), "r 1 true");
    #[expect(deprecated)]
    let moved = remote.r#move("o".into(), true).await.unwrap();
    assert_eq!(remote.move_("p".into(), true).await.unwrap(), "p true");
    assert_eq!((moved.as_str(), <dyn Names>::METHODS[3]), ("o", "Move"));
}

#[tokio::test]
async fn calls_may_overlap() {
    let remote = dispense::<dyn Everything>(Arc::new(Implementation::default())).await;
    let calls = (0..100u64).map(|id| {
        let remote = remote.clone();
        tokio::spawn(async move { remote.one_field(id).await.unwrap() })
    });
    for (id, call) in calls.collect::<Vec<_>>().into_iter().enumerate() {
        assert_eq!(call.await.unwrap(), id as u64);
    }
}

#[tokio::test]
async fn errors_arrive_as_text() {
    let remote = dispense::<dyn Everything>(Arc::new(Implementation::default())).await;
    let OwnError::Plugin(error) = remote.own_error(false).await.unwrap_err() else {
        panic!("not from the call")
    };
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Remote, "refused"));
    // Go reads an empty text as success.
    let OwnError::Plugin(error) = remote.own_error(true).await.unwrap_err() else {
        panic!("not from the call")
    };
    assert!(error.is_remote() && !error.to_string().is_empty(), "{error}");
    let error = remote.chain().await.unwrap_err();
    assert_eq!(error.to_string(), "reading the configuration: file missing");
}

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

/// Go has no `nil` of its own on the wire: only fields can be left out.
#[tokio::test]
async fn none_as_a_whole_argument_or_reply_is_refused() {
    #[go_plugin::interface]
    trait Optional {
        async fn flip(&self, name: Option<String>) -> Result<Option<String>>;
    }
    struct Flip;
    #[go_plugin::interface]
    impl Optional for Flip {
        async fn flip(&self, _: Option<String>) -> Result<Option<String>> {
            Ok(None)
        }
    }
    let remote = dispense::<dyn Optional>(Arc::new(Flip)).await;
    let error = remote.flip(None).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (ErrorKind::Misuse, "gob: cannot encode nil value")
    );
    let error = remote.flip(Some("x".into())).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (ErrorKind::Remote, "gob: cannot encode nil value")
    );
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

#[go_plugin::interface(no_args = Empty, no_reply = Empty)]
pub trait Conventions {
    async fn plain(&self) -> Result<()>;
    #[rpc(no_args = netrpc::Nil, no_reply = bool)]
    async fn other(&self) -> Result<()>;
}

struct Counting(Mutex<u32>);

#[go_plugin::interface]
impl Conventions for Counting {
    async fn plain(&self) -> Result<()> {
        *self.0.lock().unwrap() += 1;
        Ok(())
    }
    async fn other(&self) -> Result<()> {
        self.plain().await
    }
}

#[tokio::test]
async fn what_stands_for_no_value_can_be_chosen() {
    let object = Arc::new(Counting(Mutex::new(0)));
    let remote = dispense::<dyn Conventions>(object.clone()).await;
    remote.plain().await.unwrap();
    remote.other().await.unwrap();
    assert_eq!(*object.0.lock().unwrap(), 2);
    let rpc = dispense_raw::<dyn Conventions>(object).await;
    assert!(!rpc.call::<bool, _>("Plugin.Other", &netrpc::Nil).await.unwrap());
    rpc.call::<Empty, _>("Plugin.Plain", &Empty {}).await.unwrap();
}

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

#[tokio::test]
async fn a_lost_connection_fails_calls_with_its_own_kind() {
    let (host, plugin) = connection();
    let id = netrpc::serve::<dyn Greeter>(&plugin, Arc::new(Hello));
    let greeter = netrpc::connect::<dyn Greeter>(&host, id).await.unwrap();
    assert_eq!(greeter.greet().await.unwrap(), "Hello!");
    plugin.session().close().await;
    let error = greeter.greet().await.unwrap_err();
    assert!(error.is_disconnected(), "{error:?}");
}

#[tokio::test]
async fn the_connection_under_an_object_can_be_replaced() {
    #[go_plugin::interface]
    trait Numbered {
        async fn number(&self) -> Result<i64>;
        async fn slow(&self) -> Result<i64>;
    }
    struct Number(i64, Arc<Notify>, Arc<Notify>);
    #[go_plugin::interface]
    impl Numbered for Number {
        async fn number(&self) -> Result<i64> {
            Ok(self.0)
        }
        async fn slow(&self) -> Result<i64> {
            self.1.notify_one();
            self.2.notified().await;
            Ok(self.0)
        }
    }
    let (waiting, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let one = Number(1, waiting.clone(), go_on.clone());
    let first = dispense_raw::<dyn Numbered>(Arc::new(one)).await;
    let second = dispense_raw::<dyn Numbered>(Arc::new(Number(2, Arc::default(), Arc::default()))).await;
    let object = <dyn Numbered>::client(first.clone());
    assert_eq!(object.number().await.unwrap(), 1);
    let under_way = tokio::spawn({
        let object = object.clone();
        async move { object.slow().await }
    });
    waiting.notified().await;
    first.replace(&second);
    assert_eq!(object.number().await.unwrap(), 2);
    go_on.notify_one();
    assert_eq!(under_way.await.unwrap().unwrap(), 1, "a call stays where it began");
}

#[test]
fn a_client_entry_has_nothing_to_serve() {
    let (server, client) = (GreeterPlugin::new(Hello), GreeterPlugin::client());
    assert!(server.netrpc().unwrap().check_server().is_ok());
    let error = client.netrpc().unwrap().check_server().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misuse);
    assert_eq!(
        error.to_string(),
        "`GreeterPlugin::client()` has nothing to serve: in the plugin use `GreeterPlugin::new(…)`"
    );
    assert!(client.implementation().is_err() && server.implementation().is_ok());
    fn is_a_net_rpc_plugin(_: &impl NetRpcPlugin<dyn Greeter>) {}
    is_a_net_rpc_plugin(&server);
}
