//! Calls from one generated half to the other.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use go_plugin::{
    ErrorKind, Interface, NetRpcPlugin, Plugin, Result,
    netrpc::{self, Empty},
};

use super::{
    Greeter, GreeterPlugin, Hello, dispense, dispense_raw,
    everything::{Everything, Implementation, Named, OwnError, Person},
};

#[tokio::test]
async fn a_greeter_greets() {
    let greeter = dispense::<dyn Greeter>(Arc::new(Hello)).await;
    assert_eq!(greeter.greet().await.unwrap(), "Hello!");
    assert_eq!((<dyn Greeter>::NAME, <dyn Greeter>::METHODS), ("Greeter", ["Greet"].as_slice()));
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
