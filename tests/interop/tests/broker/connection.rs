//! One net/rpc connection of go-plugin, with both brokers at hand.

use std::sync::Arc;

use interop_tests::{Peer, connect, within};
use muxbroker::{Config, MuxBroker, Session, Stream};
use netrpc::{Client, Methods, Server};
use serde::{Deserialize, Serialize};
use serde_gob::{Empty, GobType};

/// The arguments of `Plugin.Add`.
#[derive(Debug, Serialize, Deserialize, GobType)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AddArgs {
    pub(crate) a: i64,
    pub(crate) b: i64,
}

/// Which side of the connection we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Host,
    Plugin,
}

pub(crate) struct Connection {
    pub(crate) side: Side,
    pub(crate) go: Peer,
    pub(crate) broker: MuxBroker,
    /// Dispensed by us, if we are the host.
    pub(crate) dispensed: Option<Client>,
    control: Option<Client>,
    /// What the host neither reads nor writes here.
    _standard_streams: [Stream; 2],
}

impl Connection {
    pub(crate) async fn new(side: Side) -> Connection {
        match side {
            Side::Host => Connection::to_go_plugin().await,
            Side::Plugin => Connection::to_go_host().await,
        }
    }

    async fn to_go_plugin() -> Connection {
        let (go, socket) = connect("brokerpeer", &["-role", "plugin"], None).await;
        let session = Session::client(socket, Config::default());
        let control = Client::new(session.open().await.unwrap());
        let standard_streams = [session.open().await.unwrap(), session.open().await.unwrap()];
        let broker = MuxBroker::new(session);
        let mut connection = Connection {
            side: Side::Host,
            go,
            broker,
            dispensed: None,
            control: Some(control),
            _standard_streams: standard_streams,
        };
        connection.dispensed = Some(connection.dispense().await);
        connection.go.tell("ready").await;
        connection
    }

    async fn to_go_host() -> Connection {
        let (go, socket) = connect("brokerpeer", &["-role", "host"], None).await;
        let session = Session::server(socket, Config::default());
        let control = session.accept().await.unwrap();
        let standard_streams = [session.accept().await.unwrap(), session.accept().await.unwrap()];
        let broker = MuxBroker::new(session);
        let dispenser = Methods::new().method("Dispense", {
            let broker = broker.clone();
            move |name: String| {
                let broker = broker.clone();
                async move {
                    if name != "probe" {
                        return Err(format!("unknown plugin type: {name}"));
                    }
                    let id = broker.next_id();
                    tokio::spawn(serve_adder(broker, id));
                    Ok(id)
                }
            }
        });
        let control_methods = Methods::new()
            .method("Ping", |_: bool| async { Ok::<_, String>(Empty) })
            .method("Quit", |_: bool| async { Ok::<_, String>(Empty) });
        let server =
            Server::builder().service("Control", control_methods).service("Dispenser", dispenser).build();
        tokio::spawn(server.unwrap().serve(control));
        go.tell("dispense").await;
        Connection {
            side: Side::Plugin,
            go,
            broker,
            dispensed: None,
            control: None,
            _standard_streams: standard_streams,
        }
    }

    /// The host gets one more object: what go-plugin's users see of a broker that works.
    pub(crate) async fn check_dispense(&self) {
        match self.side {
            Side::Host => drop(self.dispense().await),
            Side::Plugin => drop(self.go.tell("dispense").await),
        }
    }

    async fn dispense(&self) -> Client {
        let control = self.control.as_ref().unwrap();
        let id: u32 = within("an id", control.call("Dispenser.Dispense", "probe")).await.unwrap();
        Client::new(within("the object", self.broker.dial(id)).await.unwrap())
    }
}

/// Accepts a broker id and serves `Plugin.Add` on it until the other side closes.
pub(crate) async fn serve_adder(broker: MuxBroker, id: u32) {
    let methods = Methods::new().method("Add", |v: AddArgs| async move { Ok::<_, String>(v.a + v.b) });
    let server = Arc::new(Server::builder().service("Plugin", methods).build().unwrap());
    let stream = broker.accept(id).await.unwrap();
    // A caller that goes away in the middle of a call is no failure of the test.
    let _ = server.serve(stream).await;
}

/// Runs a test as host and as plugin, at the same time, since some of them wait for Go's deadlines.
pub(crate) async fn on_both_sides(test: impl AsyncFn(Connection)) {
    let side = async |side: Side| test(Connection::new(side).await).await;
    tokio::join!(side(Side::Host), side(Side::Plugin));
}
