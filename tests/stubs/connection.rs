//! What becomes of objects when their connection does.

use std::sync::Arc;

use go_plugin::{Interface, Result, netrpc};
use tokio::sync::Notify;

use super::{Greeter, Hello, connection, dispense_raw};

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
