import CLinux
import Glibc

/// Wakes a thread that waits for sockets: rung from any thread, any number of times, until it is stilled.
package final class Bell: Sendable {
    package let descriptor: Int32

    package init() throws {
        descriptor = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
        guard descriptor >= 0 else {
            throw SystemFailure.error(
                "no bell",
                hint: "raise the number of files that the process may open (ulimit -n)"
            )
        }
    }

    deinit { close(descriptor) }

    package func ring() {
        var one: UInt64 = 1
        _ = write(descriptor, &one, 8)  // a bell that rings already need not ring louder
    }

    package func still() {
        var count: UInt64 = 0
        _ = read(descriptor, &count, 8)
    }
}
