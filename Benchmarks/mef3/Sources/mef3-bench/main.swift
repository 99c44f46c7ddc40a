import Glibc
import Mef3
import Synchronization

// mef3-bench <session> <threads>
// Reads every channel whole, as values in units, and prints seconds and samples. A thread reads all of its channels into
// the same memory: asking the system for new memory costs as much as a sixth of the decoding.

/// What the threads share: channels to read, the next one, and the total.
final class Work: Sendable {
    let channels: [MefChannel]
    let next = Atomic<Int>(0)
    let samples = Atomic<Int>(0)

    init(_ channels: [MefChannel]) { self.channels = channels }

    func run() {
        var memory: [Double] = []
        while true {
            let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
            guard index < channels.count else { return }
            let channel = channels[index]
            let count = channel.sampleCount
            if memory.count != count { memory = [Double](repeating: 0, count: count) }
            do {
                var values = memory.mutableSpan
                _ = try channel.read(0..<count, into: &values)
                samples.wrappingAdd(count, ordering: .relaxed)
            } catch {
                print(error)
                exit(1)
            }
        }
    }
}

func seconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

func bench() -> Int32 {
    let arguments = CommandLine.arguments
    guard arguments.count == 3, let threads = Int(arguments[2]), threads > 0 else {
        print("usage: mef3-bench <session.mefd> <threads>")
        return 2
    }
    let begin = seconds()
    let session: MefSession
    do {
        session = try MefSession(path: arguments[1])
    } catch {
        print(error)
        return 1
    }
    let opened = seconds()
    let work = Work(session.channels)
    var others: [pthread_t] = []
    for _ in 1..<threads {
        var thread = pthread_t()
        let box = Unmanaged.passRetained(work)
        let started = pthread_create(
            &thread,
            nil,
            { pointer in
                guard let pointer else { return nil }
                Unmanaged<Work>.fromOpaque(pointer).takeRetainedValue().run()
                return nil
            },
            box.toOpaque()
        )
        guard started == 0 else { return 1 }
        others.append(thread)
    }
    work.run()
    for thread in others { pthread_join(thread, nil) }
    let end = seconds()
    print("open \(opened - begin) read \(end - opened) samples \(work.samples.load(ordering: .relaxed))")
    return 0
}

exit(bench())
