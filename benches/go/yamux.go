package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/hashicorp/yamux"
)

const (
	// What is written and read at once: the buffer of io.Copy.
	block = 32 * 1024

	message = 64
)

// startOther starts a process at the other end of a Unix socket.
func startOther(work string) (*exec.Cmd, net.Conn) {
	dir, err := os.MkdirTemp("", "bench")
	check(err)
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "socket")
	listener, err := net.Listen("unix", path)
	check(err)
	defer listener.Close()
	command := otherEnd(work, "--socket", path)
	command.Stderr = os.Stderr
	check(command.Start())
	check(listener.(*net.UnixListener).SetDeadline(time.Now().Add(10 * time.Second)))
	conn, err := listener.Accept()
	check(err)
	return command, conn
}

func end(command *exec.Cmd) {
	command.Process.Kill()
	command.Wait()
}

func config() *yamux.Config {
	config := yamux.DefaultConfig()
	config.LogOutput = io.Discard
	return config
}

// serveEach connects, and serves each stream until the other side is gone.
func serveEach(serve func(net.Conn)) {
	conn, err := net.Dial("unix", options.socket)
	check(err)
	session, err := yamux.Server(conn, config())
	check(err)
	for {
		stream, err := session.Accept()
		if err != nil {
			return
		}
		go serve(stream)
	}
}

// throughput writes on many streams at once for as long as asked, to where everything is read.
func throughput(count int) map[string]float64 {
	command, conn := startOther("yamux-sink")
	defer end(command)
	session, err := yamux.Client(conn, config())
	check(err)
	streams := make([]net.Conn, count)
	for n := range streams {
		streams[n], err = session.Open()
		check(err)
	}
	watch := startWatch(command.Process.Pid)
	var bytes atomic.Uint64
	done := make(chan struct{})
	for _, stream := range streams {
		go func() {
			bytes.Add(write(stream))
			done <- struct{}{}
		}()
	}
	for range streams {
		<-done
	}
	total := float64(bytes.Load())
	return watch.figures("mib_per_second", total/(1<<20), total/block)
}

// write writes, finishes, and waits for the count of what has arrived.
func write(stream net.Conn) (written uint64) {
	bytes := make([]byte, block)
	for start := time.Now(); time.Since(start) < options.time; {
		_, err := stream.Write(bytes)
		check(err)
		written += block
	}
	check(stream.Close())
	var arrived uint64
	check(binary.Read(stream, binary.BigEndian, &arrived))
	if arrived != written {
		fail(fmt.Errorf("%d bytes were written, %d arrived", written, arrived))
	}
	return written
}

// sink is the other end of throughput.
func sink(stream net.Conn) {
	bytes, arrived := make([]byte, block), uint64(0)
	for {
		n, err := stream.Read(bytes)
		arrived += uint64(n)
		if err == io.EOF {
			break
		}
		check(err)
	}
	check(binary.Write(stream, binary.BigEndian, arrived))
	check(stream.Close())
}

// pingpong sends a small message to and fro on one stream.
func pingpong() map[string]float64 {
	command, conn := startOther("yamux-echo")
	defer end(command)
	session, err := yamux.Client(conn, config())
	check(err)
	stream, err := session.Open()
	check(err)
	var l latencies
	bytes := make([]byte, message)
	for begin := time.Now(); time.Since(begin) < options.time; {
		start := time.Now()
		_, err := stream.Write(bytes)
		check(err)
		_, err = io.ReadFull(stream, bytes)
		check(err)
		l.push(start)
	}
	return l.figures()
}

// answer is the other end of pingpong.
func answer(stream net.Conn) {
	bytes := make([]byte, message)
	for {
		if _, err := io.ReadFull(stream, bytes); err != nil {
			return
		}
		if _, err := stream.Write(bytes); err != nil {
			return
		}
	}
}
