import Glibc

/// A lock that the kernel queues for. `Mutex` spins first, which costs up to ten times as much where more threads than
/// cores want it; nor does the thread sanitizer know it on Linux (Swift 6.3), and takes what it guards for races.
package final class Lock: @unchecked Sendable {  // the mutex is there to be shared
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)

    package init() { pthread_mutex_init(mutex, nil) }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    @inline(__always) package func lock() { pthread_mutex_lock(mutex) }
    @inline(__always) package func unlock() { pthread_mutex_unlock(mutex) }

    @inline(__always)
    package func locked<Result: ~Copyable>(_ body: () throws -> Result) rethrows -> Result {
        lock()
        defer { unlock() }
        return try body()
    }

    /// A condition to wait for with this lock held.
    package final class Condition: @unchecked Sendable {  // as the lock
        private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

        package init() {
            var attributes = pthread_condattr_t()
            pthread_condattr_init(&attributes)
            pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
            pthread_cond_init(condition, &attributes)
            pthread_condattr_destroy(&attributes)
        }

        deinit {
            pthread_cond_destroy(condition)
            condition.deallocate()
        }

        package func signal() { pthread_cond_signal(condition) }
        package func broadcast() { pthread_cond_broadcast(condition) }

        package func wait(_ lock: Lock) { pthread_cond_wait(condition, lock.mutex) }

        /// Waits until a time of the monotonic clock at the latest.
        package func wait(_ lock: Lock, until nanoseconds: Int) {
            var time = timespec(tv_sec: nanoseconds / 1_000_000_000, tv_nsec: nanoseconds % 1_000_000_000)
            pthread_cond_timedwait(condition, lock.mutex, &time)
        }
    }
}
