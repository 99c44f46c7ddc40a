internal import CMefGrpc
internal import Glibc

/// The port, and the calls that come in on it.
// Sendable: the pointer is to an object of C++ with its own locks, freed when nobody holds this one.
final class Listener: @unchecked Sendable {
    let port: Int
    private let server: OpaquePointer
    private let isStopped = Monitor(false)
    // The handlers know it by its address.
    private let work: Work

    init(_ configuration: Configuration, _ work: Work) throws(MefServerError) {
        self.work = work
        var handlers = Call.handlers()
        handlers.context = Unmanaged.passUnretained(work).toOpaque()
        handlers.begin = { context, pointer, request in
            guard let context, let pointer else { return }
            let call = Call(pointer)
            guard let request = request.flatMap({ Request($0.pointee) }) else {
                return call.finish(Refusal(code: 12, message: "no method of this server"))
            }
            guard call.attach() else { return }
            Unmanaged<Work>.fromOpaque(context).takeUnretainedValue().begin(request, call)
        }
        var options = cpipe_mefs_options()
        options.max_calls = Int32(configuration.maxCalls)
        // A request holds a path and names; all names of a large session are some ten thousand bytes.
        options.max_request_bytes = 1 << 20
        options.request_ms = configuration.stepTimeout.milliseconds
        options.serve_ms = configuration.stepTimeout.milliseconds
        options.stall_ms = configuration.stallTimeout.milliseconds
        options.keepalive_ms = configuration.keepalive.milliseconds
        options.idle_ms = configuration.idleTimeout.milliseconds
        var error = [CChar](repeating: 0, count: 512)
        let server = withTexts([
            configuration.address, configuration.tls?.certificate, configuration.tls?.key,
            configuration.tls?.clientAuthority,
        ]) { texts in
            options.address = texts[0]
            options.certificate = texts[1]
            options.key = texts[2]
            options.client_authority = texts[3]
            return cpipe_mefs_start(&options, &handlers, &error, error.count)
        }
        guard let server else {
            throw MefServerError(.listen, String(decoding: error.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self))
        }
        self.server = server
        port = Int(cpipe_mefs_port(server))
    }

    deinit {
        stop(within: .zero)
        cpipe_mefs_free(server)
    }

    var calls: Int { Int(cpipe_mefs_calls(server)) }

    /// Cancels calls that are overdue.
    func tick() { cpipe_mefs_tick(server) }

    /// Takes no more calls, gives those in progress the time to end, cancels the rest. No handler runs after it.
    func stop(within limit: Duration) {
        let wasStopped = isStopped.withLock { isStopped in
            defer { isStopped = true }
            return isStopped
        }
        if !wasStopped { cpipe_mefs_stop(server, limit.milliseconds) }
    }
}

/// Texts for C while `body` runs.
private func withTexts<Result>(_ texts: [String?], _ body: ([UnsafePointer<CChar>?]) -> Result) -> Result {
    let copies = texts.map { $0.flatMap { strdup($0) } }
    defer { for copy in copies { free(copy) } }
    return body(copies.map { UnsafePointer($0) })
}

/// Cores that are running.
func onlineCores() -> Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

extension Duration {
    fileprivate var milliseconds: Int32 {
        Int32(clamping: components.seconds.multipliedReportingOverflow(by: 1000).partialValue)
            .addingReportingOverflow(Int32(components.attoseconds / 1_000_000_000_000_000)).partialValue
    }
}
