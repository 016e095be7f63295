package main

import (
	"fmt"
	"os"
	"sync"
	"time"
)

const (
	many = 500

	// Plugins that are started at once.
	starting = 8

	// Fan-outs even if the time is over.
	fanOuts = 10

	// How long a plugin has done nothing when it is looked at.
	idle = 200 * time.Millisecond
)

// idlePlugin looks at one plugin that has answered once.
func idlePlugin() map[string]float64 {
	host := startPlugin(otherEnd("plugin"))
	defer host.client.Kill()
	_, err := host.object.Echo(bytesOf(64))
	check(err)
	time.Sleep(idle)
	return map[string]float64{"resident": memory(host.pid, "Rss"), "anonymous": memory(host.pid, "Anonymous")}
}

// manyPlugins has one host of many plugins: what all the processes take together, and how long after the start of a call to
// every plugin the answers come.
func manyPlugins() map[string]float64 {
	hosts := make([]host, many)
	var started, ended sync.WaitGroup
	permits := make(chan struct{}, starting)
	for n := range hosts {
		started.Add(1)
		go func() {
			defer started.Done()
			permits <- struct{}{}
			hosts[n] = startPlugin(otherEnd("plugin"))
			<-permits
		}()
	}
	started.Wait()
	var l latencies
	begin := time.Now()
	for round := 0; time.Since(begin) < options.time || round < fanOuts; round++ {
		start, answers := time.Now(), make(chan int, many)
		for _, host := range hosts {
			go func() {
				answer, err := host.object.Echo(bytesOf(64))
				check(err)
				answers <- len(answer)
			}()
		}
		for range hosts {
			if <-answers != 64 {
				fail(fmt.Errorf("the echo is wrong"))
			}
			l.push(start)
		}
	}
	time.Sleep(idle)
	shares := memory(os.Getpid(), "Pss")
	for _, host := range hosts {
		shares += memory(host.pid, "Pss")
	}
	for _, host := range hosts {
		ended.Add(1)
		go func() {
			defer ended.Done()
			host.client.Kill()
		}()
	}
	ended.Wait()
	figures := l.figures()
	figures["share"] = shares
	return figures
}
