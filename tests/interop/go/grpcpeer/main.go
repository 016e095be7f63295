// Grpcpeer has testing.Peer served over gRPC on go-plugin: with the flag -plugin it is the plugin, otherwise the host of
// the plugin whose command follows its flags, and does what its stdin says.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os/exec"
	"sort"
	"strings"
	"time"

	"interop/internal/control"
	"interop/internal/tlsfiles"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"
	v1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	v1alpha "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

var handshake = plugin.HandshakeConfig{ProtocolVersion: 1, MagicCookieKey: "BASIC_PLUGIN", MagicCookieValue: "hello"}

func main() {
	isPlugin := flag.Bool("plugin", false, "be the plugin")
	multiplex := flag.Bool("multiplex", false, "as a host, have all connections share one socket")
	autoMTLS := flag.Bool("auto-mtls", false, "as a host, have both sides make certificates")
	tlsDir := flag.String("tls", "", "folder of the files for TLS of its own")
	flag.Parse()
	plugins := map[string]plugin.Plugin{"peer": &peerPlugin{}}
	if *isPlugin {
		plugin.Serve(&plugin.ServeConfig{
			HandshakeConfig: handshake,
			Plugins:         plugins,
			GRPCServer:      plugin.DefaultGRPCServer,
			TLSProvider:     tlsfiles.Provider(*tlsDir),
			Logger:          hclog.NewNullLogger(),
		})
		return
	}
	config := &plugin.ClientConfig{
		HandshakeConfig:  handshake,
		Plugins:          plugins,
		Cmd:              exec.Command(flag.Arg(0), flag.Args()[1:]...),
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		Logger:           hclog.NewNullLogger(),

		AutoMTLS:            *autoMTLS,
		GRPCBrokerMultiplex: *multiplex,
	}
	if *tlsDir != "" {
		var err error
		if config.TLSConfig, err = tlsfiles.Config(*tlsDir); err != nil {
			control.Fatal("%v", err)
		}
	}
	h := &host{client: plugin.NewClient(config)}
	control.Serve(control.Commands{
		"start":    func(control.Args) (any, error) { _, err := h.client.Start(); return nil, err },
		"connect":  h.connect,
		"echo":     h.echo,
		"make":     h.make,
		"talk":     h.talk,
		"callback": func(control.Args) (any, error) { return h.peer.callBack() },
		"offer":    func(control.Args) (any, error) { return h.peer.offer() },
		"broker":   h.broker,
		"dial":     h.dial,
		"services": h.services,
		"file":     h.file,
		"health":   h.health,
		"ping":     func(control.Args) (any, error) { return nil, h.protocol.Ping() },
		"kill":     func(control.Args) (any, error) { h.client.Kill(); return nil, nil },
	})
}

type host struct {
	client   *plugin.Client
	protocol plugin.ClientProtocol
	peer     *peerClient
}

func (h *host) connect(control.Args) (_ any, err error) {
	if h.protocol, err = h.client.Client(); err != nil {
		return nil, err
	}
	raw, err := h.protocol.Dispense("peer")
	if err == nil {
		h.peer = raw.(*peerClient)
	}
	return nil, err
}

// echo COUNT: answers with the number of bytes that came back.
func (h *host) echo(a control.Args) (any, error) {
	reply, err := echo(h.peer.conn, make([]byte, a.Int(0)))
	return len(reply), err
}

// make COUNT: has the plugin send as many bytes, and answers with their number.
func (h *host) make(a control.Args) (any, error) {
	var reply wrapperspb.BytesValue
	err := call(h.peer.conn, "Make", wrapperspb.UInt32(uint32(a.Int(0))), &reply)
	return len(reply.Value), err
}

// talk COUNT: sends as many messages on one stream, and answers with the number of those that came back in order.
func (h *host) talk(a control.Args) (any, error) {
	stream, err := h.peer.conn.NewStream(context.Background(), &talkStream, "/testing.Peer/Talk")
	if err != nil {
		return nil, err
	}
	for i := range a.Int(0) {
		var reply wrapperspb.BytesValue
		text := fmt.Sprint("message ", i)
		if err := stream.SendMsg(wrapperspb.Bytes([]byte(text))); err != nil {
			return nil, err
		}
		if err := stream.RecvMsg(&reply); err != nil {
			return nil, err
		}
		if string(reply.Value) != text {
			return i, nil
		}
	}
	return a.Int(0), stream.CloseSend()
}

// broker COUNT: as many connections in both directions at the same time.
func (h *host) broker(a control.Args) (any, error) {
	results := make(chan error)
	for range a.Int(0) {
		go func() {
			_, err := h.peer.callBack()
			results <- err
		}()
		go func() {
			_, err := h.peer.offer()
			results <- err
		}()
	}
	var all error
	for range 2 * a.Int(0) {
		all = errors.Join(all, <-results)
	}
	return nil, all
}

// dial ID: what dialling a number says that nobody serves.
func (h *host) dial(a control.Args) (any, error) {
	_, err := h.peer.broker.Dial(uint32(a.Int(0)))
	return nil, err
}

// services v1|v1alpha: the names that reflection lists.
func (h *host) services(a control.Args) (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var names []string
	if a.Word(0) == "v1" {
		stream, err := v1.NewServerReflectionClient(h.peer.conn).ServerReflectionInfo(ctx)
		if err != nil {
			return nil, err
		}
		ask := &v1.ServerReflectionRequest{MessageRequest: &v1.ServerReflectionRequest_ListServices{}}
		if err := stream.Send(ask); err != nil {
			return nil, err
		}
		answer, err := stream.Recv()
		if err != nil {
			return nil, err
		}
		for _, service := range answer.GetListServicesResponse().GetService() {
			names = append(names, service.Name)
		}
	} else {
		stream, err := v1alpha.NewServerReflectionClient(h.peer.conn).ServerReflectionInfo(ctx)
		if err != nil {
			return nil, err
		}
		ask := &v1alpha.ServerReflectionRequest{MessageRequest: &v1alpha.ServerReflectionRequest_ListServices{}}
		if err := stream.Send(ask); err != nil {
			return nil, err
		}
		answer, err := stream.Recv()
		if err != nil {
			return nil, err
		}
		for _, service := range answer.GetListServicesResponse().GetService() {
			names = append(names, service.Name)
		}
	}
	sort.Strings(names)
	return strings.Join(names, " "), nil
}

// file SYMBOL: the name of the file that reflection says it is in, and the methods of the services there.
func (h *host) file(a control.Args) (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	stream, err := v1.NewServerReflectionClient(h.peer.conn).ServerReflectionInfo(ctx)
	if err != nil {
		return nil, err
	}
	if err := stream.Send(&v1.ServerReflectionRequest{
		MessageRequest: &v1.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: a.Word(0)},
	}); err != nil {
		return nil, err
	}
	answer, err := stream.Recv()
	if err != nil {
		return nil, err
	}
	files := answer.GetFileDescriptorResponse().GetFileDescriptorProto()
	if len(files) == 0 {
		return nil, errors.New(answer.String())
	}
	var file descriptorpb.FileDescriptorProto
	if err := proto.Unmarshal(files[0], &file); err != nil {
		return nil, err
	}
	words := []string{file.GetName()}
	for _, service := range file.GetService() {
		for _, method := range service.GetMethod() {
			words = append(words, method.GetName())
		}
	}
	return strings.Join(words, " "), nil
}

// health [NAME]: what Check and the first answer of Watch say.
func (h *host) health(a control.Args) (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client := grpc_health_v1.NewHealthClient(h.peer.conn)
	request := &grpc_health_v1.HealthCheckRequest{Service: a.Word(0)}
	check, err := client.Check(ctx, request)
	if err != nil {
		return nil, err
	}
	watch, err := client.Watch(ctx, request)
	if err != nil {
		return nil, err
	}
	first, err := watch.Recv()
	if err != nil {
		return nil, err
	}
	return fmt.Sprint(check.Status, " ", first.Status), nil
}

type peerPlugin struct{ plugin.NetRPCUnsupportedPlugin }

func (*peerPlugin) GRPCServer(broker *plugin.GRPCBroker, s *grpc.Server) error {
	s.RegisterService(&service, &peer{broker})
	return nil
}

func (*peerPlugin) GRPCClient(_ context.Context, broker *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return &peerClient{broker, conn}, nil
}

type peerClient struct {
	broker *plugin.GRPCBroker
	conn   *grpc.ClientConn
}

// callBack has the other side call a peer of ours.
func (c *peerClient) callBack() (any, error) {
	id := c.broker.NextId()
	var server *grpc.Server
	ready := make(chan struct{})
	go c.broker.AcceptAndServe(id, func(opts []grpc.ServerOption) *grpc.Server {
		server = serve(c.broker, opts)
		close(ready)
		return server
	})
	var reply wrapperspb.BytesValue
	<-ready
	err := call(c.conn, "CallBack", wrapperspb.UInt32(id), &reply)
	server.Stop()
	return string(reply.Value), err
}

// offer calls a peer that the other side serves for us.
func (c *peerClient) offer() (any, error) {
	var id wrapperspb.UInt32Value
	if err := call(c.conn, "Offer", wrapperspb.UInt32(0), &id); err != nil {
		return nil, err
	}
	conn, err := c.broker.Dial(id.Value)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	reply, err := echo(conn, []byte("offered"))
	return string(reply), err
}

// The messages have one field with number 1, as the well-known wrappers have: on the wire they are the same.
func call(conn *grpc.ClientConn, method string, request, reply any) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return conn.Invoke(ctx, "/testing.Peer/"+method, request, reply)
}

func echo(conn *grpc.ClientConn, data []byte) ([]byte, error) {
	var reply wrapperspb.BytesValue
	err := call(conn, "Echo", wrapperspb.Bytes(data), &reply)
	return reply.Value, err
}

func serve(broker *plugin.GRPCBroker, opts []grpc.ServerOption) *grpc.Server {
	server := grpc.NewServer(opts...)
	server.RegisterService(&service, &peer{broker})
	return server
}

type peer struct{ broker *plugin.GRPCBroker }

func (p *peer) echo(in *wrapperspb.BytesValue) (any, error) { return in, nil }

func (p *peer) fail(in *wrapperspb.BytesValue) (any, error) { return nil, errors.New(string(in.Value)) }

func (p *peer) make(in *wrapperspb.UInt32Value) (any, error) {
	return wrapperspb.Bytes(make([]byte, in.Value)), nil
}

func (p *peer) callBack(in *wrapperspb.UInt32Value) (any, error) {
	conn, err := p.broker.Dial(in.Value)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	reply, err := echo(conn, []byte("called back"))
	return wrapperspb.Bytes(reply), err
}

func (p *peer) offer(*wrapperspb.UInt32Value) (any, error) {
	id := p.broker.NextId()
	// Where connections are multiplexed, go-plugin ends over a knock that comes before its listener.
	listening := make(chan struct{})
	go p.broker.AcceptAndServe(id, func(opts []grpc.ServerOption) *grpc.Server {
		defer close(listening)
		return serve(p.broker, opts)
	})
	<-listening
	return wrapperspb.UInt32(id), nil
}

var talkStream = grpc.StreamDesc{StreamName: "Talk", ServerStreams: true, ClientStreams: true, Handler: talk}

func talk(_ any, stream grpc.ServerStream) error {
	for {
		var message wrapperspb.BytesValue
		if err := stream.RecvMsg(&message); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := stream.SendMsg(&message); err != nil {
			return err
		}
	}
}

// service is filled in by init, since its methods serve it again.
var service grpc.ServiceDesc

func init() {
	service = grpc.ServiceDesc{
		ServiceName: "testing.Peer",
		HandlerType: (*any)(nil),
		Metadata:    "peer.proto",
		Methods: []grpc.MethodDesc{
			unary("Echo", (*peer).echo),
			unary("Fail", (*peer).fail),
			unary("Make", (*peer).make),
			unary("CallBack", (*peer).callBack),
			unary("Offer", (*peer).offer),
		},
		Streams: []grpc.StreamDesc{talkStream},
	}
}

func unary[T any](name string, method func(*peer, *T) (any, error)) grpc.MethodDesc {
	return grpc.MethodDesc{MethodName: name, Handler: func(
		impl any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor,
	) (any, error) {
		request := new(T)
		if err := decode(request); err != nil {
			return nil, err
		}
		return method(impl.(*peer), request)
	}}
}
