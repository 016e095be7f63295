//! net/rpc on brokered streams: dispensed objects and callbacks.

use interop_tests::within;
use netrpc::Client;

use crate::connection::{AddArgs, Connection, Side, on_both_sides, serve_adder};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dispensed_object_answers() {
    let host = Connection::new(Side::Host).await;
    let sum: i64 =
        host.dispensed.as_ref().unwrap().call("Plugin.Add", &AddArgs { a: 2, b: 3 }).await.unwrap();
    assert_eq!(sum, 5);
    let plugin = Connection::new(Side::Plugin).await;
    assert_eq!(plugin.go.tell("add 0 2 3").await, "5");
    plugin.go.tell("control-ping").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn go_calls_back_an_object_of_ours() {
    on_both_sides(async |connection: Connection| {
        for round in 1..=3 {
            let id = connection.broker.next_id();
            let serving = tokio::spawn(serve_adder(connection.broker.clone(), id));
            let sum = connection.go.number(&format!("add {id} 40 {round}")).await;
            assert_eq!(sum, 40 + round);
            within("the server to leave with its caller", serving).await.unwrap();
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn we_call_back_an_object_of_go() {
    on_both_sides(async |connection: Connection| {
        for round in 1..=3 {
            let id = connection.go.number("next").await as u32;
            let serve = format!("serve {id}");
            let calls = async {
                let stream = connection.broker.dial(id).await.unwrap();
                let client = Client::new(stream);
                let sum: i64 = client.call("Plugin.Add", &AddArgs { a: 40, b: round }).await.unwrap();
                client.close().await;
                sum
            };
            let (_, sum) = tokio::join!(connection.go.tell(&serve), within("the sum", calls));
            assert_eq!(sum, 40 + round);
        }
    })
    .await;
}
