import Glibc
import PipeCore
import Synchronization

/// Counts interrupts and SIGTERMs, notes SIGUSR1, and tells somebody of each. Only one is made in a process.
final class Signals: Sendable {
    private let number = Atomic<Int>(0)
    private let isAskedToReload = Atomic<Bool>(false)
    private let told: @Sendable () -> Void

    init(told: @escaping @Sendable () -> Void) {
        self.told = told
        // Blocked here, and so in every thread that is started from now on: one thread waits for them.
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGINT)
        sigaddset(&set, SIGTERM)
        sigaddset(&set, SIGHUP)
        sigaddset(&set, SIGUSR1)
        pthread_sigmask(SIG_BLOCK, &set, nil)
        let wanted = set
        startThread(named: "pipe-signals") { [self] in
            while true {
                var set = wanted
                var signal: Int32 = 0
                guard sigwait(&set, &signal) == 0 else { continue }
                if signal == SIGUSR1 {
                    isAskedToReload.store(true, ordering: .sequentiallyConsistent)
                } else {
                    number.add(1, ordering: .sequentiallyConsistent)
                }
                told()
            }
        }.detach()
    }

    /// Whether SIGUSR1 has come since this was last asked.
    func takeReload() -> Bool { isAskedToReload.exchange(false, ordering: .sequentiallyConsistent) }

    /// Asks for the same by another way than a signal: to drain once, to stop at once.
    func ask(toStopAtOnce isUrgent: Bool) {
        number.add(isUrgent ? 2 : count == 0 ? 1 : 0, ordering: .sequentiallyConsistent)
        told()
    }

    var count: Int { number.load(ordering: .sequentiallyConsistent) }
}
