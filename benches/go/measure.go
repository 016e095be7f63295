package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A batch is long enough for several collections of the garbage collector.
const batchTime = 10 * time.Millisecond

// repeat gives nanoseconds of processor time per operation: the median of batches. What other programs do meanwhile does not
// count, what the garbage collector does on other threads does.
func repeat(operation func()) map[string]float64 {
	batch := func(count int) time.Duration {
		start := processTime()
		for range count {
			operation()
		}
		return processTime() - start
	}
	count := 1
	for batch(count) < batchTime {
		count *= 2
	}
	var batches []float64
	for start := time.Now(); len(batches) == 0 || time.Since(start) < options.time; {
		batches = append(batches, float64(batch(count).Nanoseconds())/float64(count))
	}
	return map[string]float64{"ns": quantile(batches, 0.5)}
}

func processTime() time.Duration {
	var now unix.Timespec
	check(unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &now))
	return time.Duration(now.Nano())
}

// latencies are durations of single operations, in µs.
type latencies []float64

func (l *latencies) push(start time.Time) {
	*l = append(*l, float64(time.Since(start).Nanoseconds())/1000)
}

func (l latencies) figures() map[string]float64 {
	return map[string]float64{"p50": quantile(l, 0.5), "p99": quantile(l, 0.99)}
}

func quantile(values []float64, q float64) float64 {
	slices.Sort(values)
	return values[int(math.Round(float64(len(values)-1)*q))]
}

// stopwatch measures time and processor time of this process and another one.
type stopwatch struct {
	other int
	cpu   float64
	start time.Time
}

func startWatch(other int) stopwatch {
	return stopwatch{other, cpu(os.Getpid()) + cpu(other), time.Now()}
}

// figures: rate counts amount per second, cpu is in seconds per million of calls.
func (s stopwatch) figures(rate string, amount, calls float64) map[string]float64 {
	seconds := time.Since(s.start).Seconds()
	used := cpu(os.Getpid()) + cpu(s.other) - s.cpu
	return map[string]float64{rate: amount / seconds, "cpu": used / calls * 1e6}
}

// cpu is the time that the threads of a process have run, in seconds; those that have ended do not count.
func cpu(process int) float64 {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", process))
	check(err)
	var total float64
	for _, thread := range threads {
		line, err := os.ReadFile(thread)
		if err != nil {
			continue // it has ended between the two looks
		}
		first, _, _ := strings.Cut(string(line), " ")
		nanos, err := strconv.ParseFloat(first, 64)
		check(err)
		total += nanos
	}
	return total / 1e9
}

// memory is the Rss of a process, its share of it, Pss, or what of it no file is behind, Anonymous, in MiB.
func memory(process int, kind string) float64 {
	table, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", process))
	check(err)
	for line := range strings.Lines(string(table)) {
		if rest, found := strings.CutPrefix(line, kind+":"); found {
			kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			check(err)
			return kib / 1024
		}
	}
	fail(fmt.Errorf("no %s in smaps_rollup", kind))
	return 0
}
