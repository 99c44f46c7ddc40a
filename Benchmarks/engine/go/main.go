// Go: a goroutine a stage, a channel a link. Items travel by value, frames by pointer; nothing is allocated per item.
//
//	go     as many threads as the machine has cores
//	go-1p  one thread runs all goroutines: faster where a stage does next to nothing, since no channel is contended
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"sort"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	frameBytes = 1 << 20
	branches   = 4
	workSteps  = 10000
)

// item is 16 bytes. A stage in the middle of a chain adds one to check, so the sink knows that all of them ran.
type item struct{ number, check uint64 }

type frame struct {
	item
	bytes [frameBytes - 16]byte
}

var (
	workload   = flag.String("workload", "", "what to run")
	seconds    = flag.Float64("seconds", 1, "how long")
	peer       = flag.String("peer", "go", "go or go-1p")
	broken     = flag.Bool("break", false, "number items wrongly, so that a sink must notice")
	brokenFrom = ^uint64(0)
	stop       atomic.Bool
	epoch      = time.Now()
)

func now() int64 { return int64(time.Since(epoch)) }

func fail(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, "wrong: "+format+"\n", arguments...)
	os.Exit(1)
}

func mix(number uint64) uint64 { return number * 0x9E3779B97F4A7C15 }

func newItem(number, broken uint64) item {
	made := item{number, mix(number)}
	if number >= broken {
		made.number++
	}
	return made
}

func (it item) verify(expected, stages uint64) {
	if it.number != expected || it.check != mix(expected)+stages {
		fail("item %d came where %d was expected, check %x", it.number, expected, it.check)
	}
}

// work takes 20 µs at 3 GHz: a chain of dependent shifts that no compiler shortens. It is linear over XOR, so one call
// over the XOR of all inputs gives the XOR of all results.
func work(x uint64) uint64 {
	for i := 0; i < workSteps; i++ {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	return x
}

// ticker sleeps to the next tick; a tick missed by more than an interval is not made up. It sleeps in the kernel: when
// nothing else runs, the runtime rounds its timers to a millisecond.
type ticker struct{ next, interval int64 }

func (t *ticker) wait() {
	at := now()
	if t.next != 0 && at < t.next+2*t.interval {
		t.next += t.interval
	} else {
		t.next = at + t.interval
	}
	if left := t.next - at; left > 0 {
		span := syscall.NsecToTimespec(left)
		_ = syscall.Nanosleep(&span, nil)
	}
}

func percentile(times []int64, hundredths int) float64 {
	return 1e-3 * float64(times[len(times)*hundredths/100])
}

func report(sent, arrived uint64, nanoseconds int64, more string) {
	if sent != arrived {
		fail("%d items sent, %d arrived", sent, arrived)
	}
	if arrived == 0 {
		fail("nothing arrived")
	}
	span := 1e-9 * float64(nanoseconds)
	fmt.Printf("{\"peer\":%q,\"workload\":%q,\"items\":%d,\"seconds\":%.6f,\"rate\":%.1f%s}\n",
		*peer, *workload, arrived, span, float64(arrived)/span, more)
}

func percentiles(times []int64) string {
	sort.Slice(times, func(i, j int) bool { return times[i] < times[j] })
	return fmt.Sprintf(",\"p50_us\":%.2f,\"p99_us\":%.2f", percentile(times, 50), percentile(times, 99))
}

func links[T any](count, capacity int) []chan T {
	made := make([]chan T, count)
	for i := range made {
		made[i] = make(chan T, capacity)
	}
	return made
}

func chain(hops, capacity int) {
	link := links[item](hops, capacity)
	var sent, arrived uint64
	began := now()
	go func() {
		out := link[0]
		count, broken := uint64(0), brokenFrom
		for ; !stop.Load(); count++ {
			out <- newItem(count, broken)
		}
		sent = count
		close(out)
	}()
	for i := 1; i < hops; i++ {
		go func(in <-chan item, out chan<- item) {
			for it := range in {
				it.check++
				out <- it
			}
			close(out)
		}(link[i-1], link[i])
	}
	for it := range link[hops-1] {
		it.verify(arrived, uint64(hops-1))
		arrived++
	}
	report(sent, arrived, now()-began, "")
}

func frames(hops, capacity int) {
	link := links[*frame](hops, capacity)
	// A channel that is never waited for keeps the frames: a sync.Pool is emptied by the collector, and a new frame
	// costs 80 µs.
	free := make(chan *frame, hops*(capacity+1)+1)
	var sent, arrived uint64
	began := now()
	go func() {
		out := link[0]
		for !stop.Load() {
			var f *frame
			select {
			case f = <-free:
			default:
				f = new(frame)
			}
			f.item = newItem(sent, brokenFrom)
			sent++
			out <- f
		}
		close(out)
	}()
	for i := 1; i < hops; i++ {
		go func(in <-chan *frame, out chan<- *frame) {
			for f := range in {
				out <- f
			}
			close(out)
		}(link[i-1], link[i])
	}
	for f := range link[hops-1] {
		f.item.verify(arrived, 0)
		arrived++
		select {
		case free <- f:
		default:
		}
	}
	report(sent, arrived, now()-began, "")
}

func fanout() {
	link := links[item](branches, 64)
	var sent uint64
	var arrived [branches]uint64
	var sinks sync.WaitGroup
	began := now()
	for i := range link {
		sinks.Add(1)
		go func(i int) {
			var count uint64
			for it := range link[i] {
				it.verify(count, 0)
				count++
			}
			arrived[i] = count
			sinks.Done()
		}(i)
	}
	go func() {
		a, b, c, d := link[0], link[1], link[2], link[3]
		for !stop.Load() {
			it := newItem(sent, brokenFrom)
			sent++
			a <- it
			b <- it
			c <- it
			d <- it
		}
		for _, out := range link {
			close(out)
		}
	}()
	sinks.Wait()
	ended := now()
	for i, count := range arrived {
		if count != sent {
			fail("sink %d missed items", i)
		}
	}
	report(sent, arrived[0], ended-began, "")
}

// fanin shares one channel between the sources: a select over four takes two to four times as long.
func fanin() {
	link := make(chan item, branches*64)
	var sent, expected [branches]uint64
	var sources sync.WaitGroup
	began := now()
	for i := range sent {
		sources.Add(1)
		go func(i int) {
			base, bad := uint64(i)<<48, brokenFrom
			if bad != ^uint64(0) {
				bad += base
			}
			var count uint64
			for !stop.Load() {
				link <- newItem(base+count, bad)
				count++
			}
			sent[i] = count
			sources.Done()
		}(i)
	}
	go func() {
		sources.Wait()
		close(link)
	}()
	for it := range link {
		from := (it.number >> 48) % branches
		it.verify(from<<48+expected[from], 0)
		expected[from]++
	}
	ended := now()
	var total, arrived uint64
	for i := range sent {
		if sent[i] != expected[i] {
			fail("the sink missed items of source %d", i)
		}
		total += sent[i]
		arrived += expected[i]
	}
	report(total, arrived, ended-began, "")
}

// ordered deals items to two workers in turn and collects them in turn, which keeps the order without a sort.
func ordered() {
	const replicas = 2
	in, out := links[item](replicas, 64), links[item](replicas, 64)
	var sent, arrived, inputs, outputs uint64
	began := now()
	go func() {
		for !stop.Load() {
			in[sent%replicas] <- newItem(sent, brokenFrom)
			sent++
		}
		for _, link := range in {
			close(link)
		}
	}()
	for i := 0; i < replicas; i++ {
		go func(in <-chan item, out chan<- item) {
			for it := range in {
				it.check = work(it.check)
				out <- it
			}
			close(out)
		}(in[i], out[i])
	}
	for it := range out[0] {
		for replica := 0; ; {
			if it.number != arrived {
				fail("items out of order")
			}
			inputs ^= mix(arrived)
			outputs ^= it.check
			arrived++
			if replica++; replica == replicas {
				break
			}
			var more bool
			if it, more = <-out[replica]; !more {
				break
			}
		}
	}
	ended := now()
	for _, link := range out {
		if it, more := <-link; more {
			fail("item %d was left over", it.number)
		}
	}
	if work(inputs) != outputs {
		fail("the results do not add up")
	}
	report(sent, arrived, ended-began, "")
}

func latency() {
	const hops = 5
	link := links[item](hops, 64)
	var sent, arrived uint64
	times := make([]int64, 0, 1<<16)
	began := now()
	go func() {
		out, tick := link[0], ticker{interval: 1e6}
		for !stop.Load() {
			tick.wait()
			it := newItem(sent, brokenFrom)
			sent++
			it.check = uint64(now())
			out <- it
		}
		close(out)
	}()
	for i := 1; i < hops; i++ {
		go func(in <-chan item, out chan<- item) {
			for it := range in {
				out <- it
			}
			close(out)
		}(link[i-1], link[i])
	}
	for it := range link[hops-1] {
		times = append(times, now()-int64(it.check))
		if it.number != arrived {
			fail("items out of order")
		}
		arrived++
	}
	report(sent, arrived, now()-began, percentiles(times))
}

// overload drops the oldest: a source that finds the channel full takes one item out and tries again.
func overload(capacity int) {
	link := make(chan item, capacity)
	var sent, dropped, delivered, gaps, next uint64
	times := make([]int64, 0, 1<<16)
	began := now()
	go func() {
		tick := ticker{interval: 5e5}
		for !stop.Load() {
			tick.wait()
			it := newItem(sent, brokenFrom)
			sent++
			it.check = uint64(now())
			for placed := false; !placed; {
				select {
				case link <- it:
					placed = true
				default:
					select {
					case <-link:
						dropped++
					default:
					}
				}
			}
		}
		close(link)
	}()
	for it := range link {
		at := now()
		if it.number < next {
			fail("item %d came after %d", it.number, next-1)
		}
		gaps += it.number - next
		next = it.number + 1
		delivered++
		times = append(times, at-int64(it.check))
		for end := now() + 1e6; now() < end; {
		}
	}
	ended := now()
	if next != sent || gaps != dropped || delivered+dropped != sent {
		fail("%d items sent, %d delivered, %d dropped, %d missing", sent, delivered, dropped, gaps)
	}
	report(delivered, delivered, ended-began, percentiles(times)+fmt.Sprintf(
		",\"dropped\":%d,\"delivered\":%d,\"offered\":%.1f", dropped, delivered, 1e9*float64(sent)/float64(ended-began)))
}

func main() {
	flag.Parse()
	if *broken {
		brokenFrom = 50
	}
	runs := map[string]func(){
		"chain4":          func() { chain(4, 64) },
		"chain8":          func() { chain(8, 64) },
		"chain4-1024":     func() { chain(4, 1024) },
		"frames":          func() { frames(4, 64) },
		"fanout":          fanout,
		"fanin":           fanin,
		"ordered":         ordered,
		"latency":         latency,
		"overload":        func() { overload(4) },
		"overload-latest": func() { overload(1) },
	}
	run, reason := runs[*workload], ""
	if run == nil {
		reason = "no such workload"
	}
	if *workload == "chain4-fused" {
		reason = "goroutines are not fused"
	}
	if *peer == "go-1p" {
		runtime.GOMAXPROCS(1)
		switch *workload {
		case "ordered", "overload", "overload-latest":
			reason = "needs two threads: see go"
		}
	}
	if reason != "" {
		fmt.Printf("{\"peer\":%q,\"workload\":%q,\"skipped\":%q}\n", *peer, *workload, reason)
		return
	}
	time.AfterFunc(time.Duration(*seconds*1e9), func() { stop.Store(true) })
	run()
}
