use super::*;
use crate::grpc::{GrpcServices, serve::Serving};
use tokio_util::sync::CancellationToken;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_reflection::pb::{v1, v1alpha};

fn blob(data: impl Into<Vec<u8>>) -> Blob {
    Blob { data: data.into() }
}

#[tokio::test]
async fn calls_of_all_kinds_are_answered() {
    let pair = Pair::new().await;
    let mut client = pair.client();
    assert_eq!(client.echo(blob("hello")).await.unwrap().into_inner(), blob("hello"));

    let words = ["one", "two", "three"].map(blob);
    let answers = client.talk(tokio_stream::iter(words.clone())).await.unwrap().into_inner();
    assert_eq!(answers.map(Result::unwrap).collect::<Vec<_>>().await, words);

    let error = Error::from(client.fail(blob("no such key")).await.unwrap_err());
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Remote, "no such key"));
}

#[tokio::test]
async fn a_plugin_answers_pings_until_it_is_stopped() {
    let pair = Pair::new().await;
    pair.host.ping(DEADLINE).await.unwrap();
    pair.host.ping(DEADLINE).await.unwrap();
    within("the plugin to stop", pair.plugin.stop()).await;
    let error = pair.host.ping(DEADLINE).await.unwrap_err();
    assert!(error.is_disconnected(), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_ping_that_is_not_answered_ends_with_a_timeout() {
    let (dialer, mut incoming) = wire();
    // Opens HTTP/2 and is silent from then on.
    let silent = tokio::spawn(async move {
        let mut io = incoming.next().await.unwrap().unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut io, &[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
        std::future::pending::<()>().await;
    });
    let host = HostConnection::over(dialer, no_output()).await.unwrap();
    let error = host.ping(Duration::from_secs(10)).await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    silent.abort();
}

#[tokio::test]
async fn health_is_known_for_the_plugin_and_for_the_whole_server() {
    let pair = Pair::new().await;
    let mut health = HealthClient::new(pair.host.channel());
    for service in ["plugin", ""] {
        let request = HealthCheckRequest { service: service.to_owned() };
        let check = health.check(request.clone()).await.unwrap().into_inner();
        let watch = health.watch(request).await.unwrap().into_inner().next().await.unwrap().unwrap();
        assert_eq!((check.status, watch.status), (1, 1), "{service:?}: SERVING is 1");
    }
}

/// What upstream's test of reflection expects, with our service for its own.
const SERVICES: [&str; 7] = [
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
    "plugin.GRPCBroker",
    "plugin.GRPCController",
    "plugin.GRPCStdio",
    "testing.Peer",
];

#[tokio::test]
async fn reflection_lists_exactly_the_seven_services() {
    let pair = Pair::new().await;

    let request = v1::ServerReflectionRequest {
        message_request: Some(v1::server_reflection_request::MessageRequest::ListServices(String::new())),
        ..Default::default()
    };
    let mut client = v1::server_reflection_client::ServerReflectionClient::new(pair.host.channel());
    let mut answers = client.server_reflection_info(tokio_stream::once(request)).await.unwrap().into_inner();
    let Some(v1::server_reflection_response::MessageResponse::ListServicesResponse(list)) =
        answers.next().await.unwrap().unwrap().message_response
    else {
        panic!("not a list")
    };
    assert_eq!(list.service.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), SERVICES);

    let request = v1alpha::ServerReflectionRequest {
        message_request: Some(
            v1alpha::server_reflection_request::MessageRequest::ListServices(String::new()),
        ),
        ..Default::default()
    };
    let mut client = v1alpha::server_reflection_client::ServerReflectionClient::new(pair.host.channel());
    let mut answers = client.server_reflection_info(tokio_stream::once(request)).await.unwrap().into_inner();
    let Some(v1alpha::server_reflection_response::MessageResponse::ListServicesResponse(list)) =
        answers.next().await.unwrap().unwrap().message_response
    else {
        panic!("not a list")
    };
    assert_eq!(list.service.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(), SERVICES);
}

#[tokio::test]
async fn reflection_knows_every_service_and_gos_file_names() {
    use prost::Message as _;
    use v1::{server_reflection_request::MessageRequest, server_reflection_response::MessageResponse};

    let pair = Pair::new().await;
    let mut client = v1::server_reflection_client::ServerReflectionClient::new(pair.host.channel());
    for (service, file) in [
        ("plugin.GRPCBroker", Some("internal/plugin/grpc_broker.proto")),
        ("plugin.GRPCController", Some("internal/plugin/grpc_controller.proto")),
        ("plugin.GRPCStdio", Some("internal/plugin/grpc_stdio.proto")),
        ("plugin.ConnInfo.Knock", Some("internal/plugin/grpc_broker.proto")),
        ("google.protobuf.Empty", Some("google/protobuf/empty.proto")),
        ("testing.Peer", Some("peer.proto")),
        ("grpc.health.v1.Health", None),
        ("grpc.reflection.v1.ServerReflection", None),
        ("grpc.reflection.v1alpha.ServerReflection", None),
    ] {
        let request = v1::ServerReflectionRequest {
            message_request: Some(MessageRequest::FileContainingSymbol(service.to_owned())),
            ..Default::default()
        };
        let mut answers =
            client.server_reflection_info(tokio_stream::once(request)).await.unwrap().into_inner();
        let answer = answers.next().await.unwrap().unwrap().message_response;
        let Some(MessageResponse::FileDescriptorResponse(files)) = answer else {
            panic!("{service}: {answer:?}")
        };
        let found = prost_types::FileDescriptorProto::decode(&*files.file_descriptor_proto[0]).unwrap();
        if let Some(file) = file {
            assert_eq!(found.name(), file, "{service}");
        }
    }
}

#[tokio::test]
async fn a_service_is_registered_once() {
    let broker =
        GrpcBroker::new(Ways::Sockets(Sockets::private()), DEFAULT_MESSAGE_LIMIT, Security::default());
    let mut services = GrpcServices::new(DEFAULT_MESSAGE_LIMIT);
    services.add(Peer::new(&broker).server()).unwrap();
    let error = services.add(Peer::new(&broker).server()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Misuse);
    assert!(error.to_string().contains("testing.Peer"), "{error}");
}

#[tokio::test]
async fn a_plugin_cannot_take_the_name_of_a_standard_service() {
    for name in SERVICES.iter().filter(|name| **name != "testing.Peer") {
        let broker =
            GrpcBroker::new(Ways::Sockets(Sockets::private()), DEFAULT_MESSAGE_LIMIT, Security::default());
        let peer = Peer::new(&broker).server();
        let server = PluginServer::new(broker, None, Printed::default().outlet(), |_, services| {
            services.add_router([*name], peer)
        });
        let error = server.err().unwrap();
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[tokio::test]
async fn a_router_serves_under_its_names_and_no_other() {
    let broker =
        GrpcBroker::new(Ways::Sockets(Sockets::private()), DEFAULT_MESSAGE_LIMIT, Security::default());
    let mut services = GrpcServices::new(DEFAULT_MESSAGE_LIMIT);
    let routes = tonic::service::Routes::new(Peer::new(&broker).server());
    services.add_router(["testing.Peer", "testing.Other"], routes).unwrap();
    assert_eq!(services.names().collect::<Vec<_>>(), ["testing.Other", "testing.Peer"]);

    let (dialer, incoming) = wire();
    let _serving = Serving::start(services.into_router(), incoming, CancellationToken::new(), DEADLINE);
    let channel = connected(dialer).await;
    let answer = PeerClient::new(channel.clone()).echo(blob("hello")).await.unwrap();
    assert_eq!(answer.into_inner(), blob("hello"));
    let status = HealthClient::new(channel).check(HealthCheckRequest::default()).await.unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (tonic::Code::Unimplemented, "unknown service grpc.health.v1.Health")
    );
}

#[tokio::test]
async fn the_authority_is_the_one_that_go_sends() {
    let seen = Arc::new(Mutex::new(None));
    let spy = {
        let seen = seen.clone();
        tower::service_fn(move |request: http::Request<tonic::body::Body>| {
            *seen.lock().unwrap() = request.uri().authority().map(ToString::to_string);
            std::future::ready(Ok(Status::aborted("seen").into_http::<tonic::body::Body>()))
        })
    };
    let mut services = GrpcServices::new(DEFAULT_MESSAGE_LIMIT);
    services.add_router(["testing.Peer"], spy).unwrap();
    let (dialer, incoming) = wire();
    let _serving = Serving::start(services.into_router(), incoming, CancellationToken::new(), DEADLINE);
    let mut client = PeerClient::new(connected(dialer).await);
    client.echo(blob("hello")).await.unwrap_err();
    assert_eq!(seen.lock().unwrap().as_deref(), Some("unused"));
}

#[tokio::test]
async fn messages_beyond_four_mebibytes_pass_both_ways() {
    let pair = Pair::new().await;
    let data = vec![7; 5 << 20];
    assert_eq!(pair.client().echo(blob(data.clone())).await.unwrap().into_inner().data, data);
}

#[tokio::test]
async fn a_message_beyond_the_limit_is_refused_and_the_connection_goes_on() {
    let broker = GrpcBroker::new(Ways::Sockets(Sockets::private()), 1 << 20, Security::default());
    let services = {
        let mut services = broker.services();
        let limit = services.message_limit();
        services.add(PeerServer::new(Peer::new(&broker)).max_decoding_message_size(limit)).unwrap();
        services
    };
    let (dialer, incoming) = wire();
    let _serving = Serving::start(services.into_router(), incoming, CancellationToken::new(), DEADLINE);
    let mut client = PeerClient::new(connected(dialer).await);
    let status = client.echo(blob(vec![7; 2 << 20])).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::OutOfRange, "{status}");
    client.echo(blob("hello")).await.unwrap();
}

#[tokio::test]
async fn shutdown_ends_a_plugin_whose_calls_never_end() {
    let pair = Pair::new().await;
    let (mut client, mut ticking) = (pair.client(), pair.client());
    let hanging = tokio::spawn(async move { client.hang(Nothing {}).await });
    let mut ticks = ticking.ticks(Nothing {}).await.unwrap().into_inner();
    ticks.next().await.unwrap().unwrap();
    pair.peer.until_hanging(1).await;

    let requested = Pair::run(pair.plugin, pair.printed);
    pair.host.shutdown(DEADLINE).await.unwrap();
    within("the plugin to stop", requested).await.unwrap();

    let error = Error::from(within("the call to end", hanging).await.unwrap().unwrap_err());
    assert!(error.is_disconnected(), "{error:?}");
    within("the stream to end", async { while ticks.next().await.is_some_and(|tick| tick.is_ok()) {} }).await;
    pair.peer.until_hanging(0).await;
}

#[tokio::test]
async fn a_call_that_is_given_up_is_given_up_on_the_other_side_too() {
    let pair = Pair::new().await;
    let mut client = pair.client();
    let hanging = tokio::spawn(async move { client.hang(Nothing {}).await });
    pair.peer.until_hanging(1).await;
    hanging.abort();
    pair.peer.until_hanging(0).await;
}

#[tokio::test]
async fn a_deadline_is_a_timeout_on_both_sides() {
    let pair = Pair::new().await;
    let mut request = Request::new(Nothing {});
    request.set_timeout(Duration::from_millis(100));
    let error = Error::from(within("the call", pair.client().hang(request)).await.unwrap_err());
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
    pair.peer.until_hanging(0).await;
}

#[tokio::test]
async fn calls_after_the_hosts_end_say_that_this_side_closed() {
    let pair = Pair::new().await;
    let mut client = pair.client();
    let ending = Pair::run(pair.plugin, pair.printed);
    pair.host.shutdown(DEADLINE).await.unwrap();
    ending.await.unwrap();
    let error = Error::from(client.echo(blob("hello")).await.unwrap_err());
    assert_eq!(error.kind(), ErrorKind::Shutdown, "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn shutdown_of_a_plugin_that_does_not_react_ends_with_a_timeout() {
    let (dialer, mut incoming) = wire();
    let silent = tokio::spawn(async move {
        let mut io = incoming.next().await.unwrap().unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut io, &[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
        std::future::pending::<()>().await;
    });
    let host = HostConnection::over(dialer, no_output()).await.unwrap();
    let error = host.shutdown(Duration::from_secs(2)).await.unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    silent.abort();
}

#[tokio::test]
async fn a_lost_connection_is_dialled_again() {
    let (dialer, incoming) = wire();
    let cut = Arc::new(Notify::new());
    let seen = cut.clone();
    // The first connection dies on command.
    let incoming = futures_util::StreamExt::enumerate(incoming).map(move |(n, io)| {
        let seen = seen.clone();
        io.map(|io| {
            let token = CancellationToken::new();
            if n == 0 {
                let token = token.clone();
                tokio::spawn(async move {
                    seen.notified().await;
                    token.cancel();
                });
            }
            crate::grpc::io::Severable::new(io, token, || io::ErrorKind::BrokenPipe.into())
        })
    });
    let broker =
        GrpcBroker::new(Ways::Sockets(Sockets::private()), DEFAULT_MESSAGE_LIMIT, Security::default());
    let mut services = broker.services();
    services.add(Peer::new(&broker).server()).unwrap();
    let _serving = Serving::start(services.into_router(), incoming, CancellationToken::new(), DEADLINE);
    let mut client = PeerClient::new(connected(dialer).await);
    let mut hanging = client.clone();
    let hanging = tokio::spawn(async move { hanging.hang(Nothing {}).await });
    client.echo(blob("one")).await.unwrap();
    cut.notify_one();
    let error = Error::from(within("the call to end", hanging).await.unwrap().unwrap_err());
    assert!(error.is_disconnected(), "{error:?}");
    client.echo(blob("two")).await.unwrap();
}

#[tokio::test]
async fn a_replaced_channel_serves_the_clients_that_exist() {
    let connect = || async {
        let (dialer, incoming) = wire();
        let (plugin, peer) = plugin(&Printed::default(), incoming);
        (connected(dialer).await, plugin, peer)
    };
    let (first, first_plugin, first_peer) = connect().await;
    let (second, _second_plugin, second_peer) = connect().await;
    let (channel, slot) = first.replaceable();
    let mut client = PeerClient::new(channel);
    let mut early = client.clone();
    let early = tokio::spawn(async move { early.hang(Nothing {}).await });
    first_peer.until_hanging(1).await;

    slot.replace(&second);
    let mut late = client.clone();
    let late = tokio::spawn(async move { late.hang(Nothing {}).await });
    second_peer.until_hanging(1).await;
    // The call that began before stays where it began.
    assert_eq!(first_peer.hanging.load(Ordering::SeqCst), 1);
    first_plugin.stop().await;
    early.await.unwrap().unwrap_err();
    client.echo(blob("hello")).await.unwrap();
    late.abort();
}
