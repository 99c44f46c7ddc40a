package import CLinux
import Glibc
import PipeCore
import Synchronization

/// Tells which of many sockets have something to be read, and can be ended from any thread.
package final class Poller: Sendable {
    private let epoll: Int32
    private let bell: Int32
    private let isEnded = Atomic<Bool>(false)
    /// What `look` reports for the bell; sockets have numbers below.
    private static let bellNumber = UInt64.max

    package init() throws {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        bell = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
        guard epoll >= 0, bell >= 0, add(bell, Self.bellNumber) else {
            throw SystemFailure.error(
                "sockets cannot be watched",
                hint: "raise the number of files that the process may open (ulimit -n)"
            )
        }
    }

    deinit {
        for descriptor in [epoll, bell] where descriptor >= 0 { close(descriptor) }
    }

    package func add(_ descriptor: Int32, _ number: UInt64) -> Bool { control(EPOLL_CTL_ADD, descriptor, number) }

    /// Watches, or for a while does not, whether a socket can be read; with `writes` whether it can be written.
    package func watch(_ descriptor: Int32, _ number: UInt64, writes: Bool) {
        _ = control(EPOLL_CTL_MOD, descriptor, number, writes ? EPOLLOUT : EPOLLIN)
    }

    private func control(
        _ operation: Int32,
        _ descriptor: Int32,
        _ number: UInt64,
        _ events: EPOLL_EVENTS = EPOLLIN
    ) -> Bool {
        var event = epoll_event()
        event.events = events.rawValue
        event.data.u64 = number
        return epoll_ctl(epoll, operation, descriptor, &event) == 0
    }

    /// The numbers of those that are ready now, none twice.
    package func look(_ events: UnsafeMutableBufferPointer<epoll_event>, waiting milliseconds: Int32 = 0) -> Int {
        guard let base = events.baseAddress else { return 0 }
        return max(0, Int(epoll_wait(epoll, base, Int32(events.count), milliseconds)))
    }

    /// Waits until something can be read, until it is ended, or for so long; without end where nothing is stated.
    package func wait(atMost patience: Duration?) {
        guard !isEnded.load(ordering: .acquiring) else { return }
        let milliseconds = patience.map { Int32(clamping: max(1, $0.nanoseconds / 1_000_000)) } ?? -1
        var event = epoll_event()
        _ = epoll_wait(epoll, &event, 1, milliseconds)
    }

    /// Ends the wait that is under way, and all that follow.
    package func end() {
        isEnded.store(true, ordering: .releasing)
        var one: UInt64 = 1
        _ = write(bell, &one, 8)
    }

    package static func isBell(_ event: epoll_event) -> Bool { event.data.u64 == bellNumber }
}
