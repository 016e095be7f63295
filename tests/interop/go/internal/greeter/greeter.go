// Package greeter is an interface over both transports of go-plugin: net/rpc as in go-plugin's basic example, gRPC as
// the service greeter.Greeter.
package greeter

import (
	"context"
	"errors"
	"net/rpc"
	"strings"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// Greeter greets.
type Greeter interface {
	Greet() (string, error)
	Say(name string) (string, error)
}

// NetRPC is the plugin type for net/rpc.
type NetRPC struct{ Impl Greeter }

// Server is the plugin's half.
func (p *NetRPC) Server(*plugin.MuxBroker) (any, error) { return &rpcServer{p.Impl}, nil }

// Client is the host's half.
func (p *NetRPC) Client(_ *plugin.MuxBroker, c *rpc.Client) (any, error) { return &rpcClient{c}, nil }

type rpcServer struct{ impl Greeter }

func (s *rpcServer) Greet(_ any, reply *string) (err error) { *reply, err = s.impl.Greet(); return }

func (s *rpcServer) Say(name string, reply *string) (err error) {
	*reply, err = s.impl.Say(name)
	return
}

type rpcClient struct{ client *rpc.Client }

func (c *rpcClient) Greet() (reply string, err error) {
	err = c.client.Call("Plugin.Greet", new(any), &reply)
	return
}

func (c *rpcClient) Say(name string) (reply string, err error) {
	err = c.client.Call("Plugin.Say", name, &reply)
	return
}

// GRPC is the plugin type for gRPC.
type GRPC struct {
	plugin.NetRPCUnsupportedPlugin
	Impl Greeter
}

// GRPCServer is the plugin's half.
func (p *GRPC) GRPCServer(_ *plugin.GRPCBroker, s *grpc.Server) error {
	s.RegisterService(&service, p.Impl)
	return nil
}

// GRPCClient is the host's half.
func (p *GRPC) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, c *grpc.ClientConn) (any, error) {
	return &grpcClient{c}, nil
}

// Request and reply have one string with number 1, as StringValue has: on the wire they are the same.
var service = grpc.ServiceDesc{
	ServiceName: "greeter.Greeter",
	HandlerType: (*Greeter)(nil),
	Metadata:    "greeter.proto",
	Methods: []grpc.MethodDesc{{MethodName: "Say", Handler: func(
		impl any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor,
	) (any, error) {
		var request wrapperspb.StringValue
		if err := decode(&request); err != nil {
			return nil, err
		}
		// "!metadata KEY": what came beside the call.
		if key, ok := strings.CutPrefix(request.Value, "!metadata "); ok {
			return wrapperspb.String(strings.Join(metadata.ValueFromIncomingContext(ctx, key), ";")), nil
		}
		reply, err := impl.(Greeter).Say(request.Value)
		return wrapperspb.String(reply), err
	}}},
}

type grpcClient struct{ conn *grpc.ClientConn }

func (c *grpcClient) Greet() (string, error) { return "", errors.New("greeter.Greeter has no Greet") }

func (c *grpcClient) Say(name string) (string, error) {
	return c.SayWith(context.Background(), name)
}

// SayWith is Say in a context, whose outgoing metadata travels beside the call.
func (c *grpcClient) SayWith(ctx context.Context, name string) (string, error) {
	var reply wrapperspb.StringValue
	err := c.conn.Invoke(ctx, "/greeter.Greeter/Say", wrapperspb.String(name), &reply)
	return reply.Value, err
}
