package main

import (
	"context"
	"os/exec"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// What protoc would generate for ../proto/bench.proto, with well-known types for its messages.

type echoingServer interface {
	Echo(context.Context, *wrapperspb.BytesValue) (*wrapperspb.BytesValue, error)
	Serve(context.Context, *emptypb.Empty) (*wrapperspb.UInt32Value, error)
}

var echoing = grpc.ServiceDesc{
	ServiceName: "bench.Echoing",
	HandlerType: (*echoingServer)(nil),
	Methods: []grpc.MethodDesc{
		method("Echo", echoingServer.Echo),
		method("Serve", echoingServer.Serve),
	},
}

func method[In, Out any](name string, call func(echoingServer, context.Context, *In) (*Out, error)) grpc.MethodDesc {
	handler := func(srv any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
		in := new(In)
		if err := decode(in); err != nil {
			return nil, err
		}
		if interceptor == nil {
			return call(srv.(echoingServer), ctx, in)
		}
		info := &grpc.UnaryServerInfo{Server: srv, FullMethod: "/bench.Echoing/" + name}
		return interceptor(ctx, in, info, func(ctx context.Context, in any) (any, error) {
			return call(srv.(echoingServer), ctx, in.(*In))
		})
	}
	return grpc.MethodDesc{MethodName: name, Handler: handler}
}

// grpcServer is the gRPC service for an Echoing.
type grpcServer struct {
	object Echoing
	broker *plugin.GRPCBroker

	mutex  sync.Mutex
	served *grpc.Server
}

func (s *grpcServer) Echo(_ context.Context, in *wrapperspb.BytesValue) (*wrapperspb.BytesValue, error) {
	out, err := s.object.Echo(in.Value)
	return wrapperspb.Bytes(out), err
}

func (s *grpcServer) Serve(context.Context, *emptypb.Empty) (*wrapperspb.UInt32Value, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.served != nil {
		s.served.Stop()
	}
	id, made := s.broker.NextId(), make(chan *grpc.Server)
	go s.broker.AcceptAndServe(id, func(options []grpc.ServerOption) *grpc.Server {
		server := grpc.NewServer(options...)
		server.RegisterService(&echoing, &grpcServer{object: s.object})
		made <- server
		return server
	})
	s.served = <-made
	return wrapperspb.UInt32(id), nil
}

// grpcCaller is the Echoing at the other end of a connection.
type grpcCaller struct {
	conn   grpc.ClientConnInterface
	broker *plugin.GRPCBroker
}

func (c *grpcCaller) Echo(payload []byte) ([]byte, error) {
	reply := new(wrapperspb.BytesValue)
	err := c.conn.Invoke(context.Background(), "/bench.Echoing/Echo", wrapperspb.Bytes(payload), reply)
	return reply.Value, err
}

type grpcPlugin struct{ plugin.NetRPCUnsupportedPlugin }

func (grpcPlugin) GRPCServer(broker *plugin.GRPCBroker, server *grpc.Server) error {
	server.RegisterService(&echoing, &grpcServer{object: here{}, broker: broker})
	return nil
}

func (grpcPlugin) GRPCClient(_ context.Context, broker *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return &grpcCaller{conn, broker}, nil
}

var grpcPlugins = map[string]plugin.Plugin{"echo": grpcPlugin{}}

func serveGRPCPlugin() {
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: handshake, Plugins: grpcPlugins, Logger: hclog.NewNullLogger(), GRPCServer: plugin.DefaultGRPCServer,
	})
}

func startGRPCPlugin(command *exec.Cmd) host {
	return startWith(&plugin.ClientConfig{
		HandshakeConfig: handshake, Plugins: grpcPlugins, Cmd: command, Logger: hclog.NewNullLogger(),
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		AutoMTLS:         options.autoMTLS, GRPCBrokerMultiplex: options.multiplexed,
	})
}

// brokerDial dials what the plugin serves and makes one call on the new connection, again and again.
func brokerDial() map[string]float64 {
	host := startPlugin(otherEnd("plugin"))
	defer host.client.Kill()
	warmUp(host.object)
	first := host.object.(*grpcCaller)
	var l latencies
	for begin := time.Now(); time.Since(begin) < options.time; {
		id := new(wrapperspb.UInt32Value)
		check(first.conn.Invoke(context.Background(), "/bench.Echoing/Serve", &emptypb.Empty{}, id))
		start := time.Now()
		conn, err := first.broker.Dial(id.Value)
		check(err)
		_, err = (&grpcCaller{conn: conn}).Echo(bytesOf(64))
		check(err)
		l.push(start)
		check(conn.Close())
	}
	return l.figures()
}
