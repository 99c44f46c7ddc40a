internal import CMefGrpc

// Requests out of C structures and replies into them.

extension Request {
    /// Copies a request, which is C++'s only while a handler runs; `nil` for a method this server does not know.
    init?(_ request: cpipe_mefs_request) {
        guard let method = Method(rawValue: request.method) else { return nil }
        self.method = method
        path = String(request.path)
        peer = String(request.peer)
        token = String(request.token)
        let name = String(request.client)
        // A name that is no name is as good as none, as in the original.
        if name.utf8.count <= 128, !name.unicodeScalars.contains(where: { $0.value < 32 || $0.value == 127 }) {
            client = name
        }
        names = UnsafeBufferPointer(start: request.names, count: request.name_count).map { String($0) }
        number = request.number
        start = request.has_start != 0 ? request.start : nil
        end = request.has_end != 0 ? request.end : nil
        wantsCacheRate = request.has_cache_fs != 0
        wantsPoints = request.has_points != 0
    }
}

extension String {
    fileprivate init(_ text: cpipe_mefs_text) {
        self.init(
            decoding: UnsafeRawBufferPointer(start: text.bytes, count: text.bytes == nil ? 0 : text.count),
            as: UTF8.self
        )
    }
}

extension Reply {
    /// Starts to send; `false` when the call is over.
    consuming func start(on call: OpaquePointer) -> Bool {
        switch consume self {
        case .answer(let answer): answer.start(on: call)
        case .chunk(let chunk): chunk.start(on: call)
        case .envelope(let envelope): envelope.start(on: call)
        case .chunkError(let path, let message):
            withText(path) { path in
                withText(message) { message in
                    var message = message
                    return withUnsafePointer(to: &message) { error in
                        var chunk = cpipe_mefs_chunk()
                        chunk.path = path
                        chunk.error = error
                        return cpipe_mefs_send_chunk(call, &chunk) != 0
                    }
                }
            }
        }
    }
}

extension Reply.Answer {
    fileprivate func start(on call: OpaquePointer) -> Bool {
        withText(path) { path in
            withError(error) { error in
                names.withText { names in
                    withInfo { info in
                        var reply = cpipe_mefs_reply()
                        reply.path = path
                        reply.error = error
                        reply.opened = isOpened ? 1 : 0
                        reply.info = info
                        reply.number = number
                        reply.names = names
                        return cpipe_mefs_send_reply(call, &reply) != 0
                    }
                }
            }
        }
    }

    private func withInfo(_ body: (UnsafePointer<cpipe_mefs_info>?) -> Bool) -> Bool {
        guard let info else { return body(nil) }
        let rates = info.rates.map { Float($0) }
        return info.nameBytes.withText { names in
            rates.withUnsafeBufferPointer { rates in
                info.rates.withUnsafeBufferPointer { served in
                    info.starts.withUnsafeBufferPointer { starts in
                        info.ends.withUnsafeBufferPointer { ends in
                            var fields = cpipe_mefs_info()
                            fields.channels = info.names.count
                            fields.names = names
                            fields.rates = rates.baseAddress
                            fields.starts = starts.baseAddress
                            fields.ends = ends.baseAddress
                            fields.served = hasServedRates ? served.baseAddress : nil
                            fields.start = info.start
                            fields.end = info.end
                            fields.duration = info.duration
                            return body(&fields)
                        }
                    }
                }
            }
        }
    }
}

extension Reply.Chunk {
    fileprivate consuming func start(on call: OpaquePointer) -> Bool {
        let (path, names) = (path, names)
        var chunk = cpipe_mefs_chunk()
        chunk.bytes = block.bytes
        chunk.rows = Int64(rows)
        chunk.columns = Int64(columns)
        chunk.start = time.start
        chunk.end = time.end
        chunk.rate = rate
        let type: StaticString = self.type == .float64 ? "float64" : "float32"
        chunk.samples = block.take()
        return type.withUTF8Buffer { type in
            withText(path) { path in
                names.withText { names in
                    chunk.type = UnsafeRawPointer(type.baseAddress)?.assumingMemoryBound(to: CChar.self)
                    chunk.path = path
                    chunk.names = names
                    return cpipe_mefs_send_chunk(call, &chunk) != 0
                }
            }
        }
    }
}

extension Reply.Envelope {
    fileprivate func start(on call: OpaquePointer) -> Bool {
        withText(path) { path in
            withText(channel) { channel in
                withError(error) { error in
                    starts.withUnsafeBufferPointer { starts in
                        ends.withUnsafeBufferPointer { ends in
                            minima.withUnsafeBufferPointer { minima in
                                maxima.withUnsafeBufferPointer { maxima in
                                    var envelope = cpipe_mefs_envelope()
                                    envelope.path = path
                                    envelope.channel = channel
                                    envelope.error = error
                                    envelope.count = starts.count
                                    envelope.starts = starts.baseAddress
                                    envelope.ends = ends.baseAddress
                                    envelope.minima = minima.baseAddress
                                    envelope.maxima = maxima.baseAddress
                                    return cpipe_mefs_send_envelope(call, &envelope) != 0
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

private func withText<Result>(_ string: String, _ body: (cpipe_mefs_text) -> Result) -> Result {
    var string = string
    return string.withUTF8 { bytes in
        body(
            cpipe_mefs_text(
                bytes: UnsafeRawPointer(bytes.baseAddress)?.assumingMemoryBound(to: CChar.self),
                count: bytes.count
            )
        )
    }
}

private func withError<Result>(_ error: String?, _ body: (UnsafePointer<cpipe_mefs_text>?) -> Result) -> Result {
    guard let error else { return body(nil) }
    return withText(error) { text in
        var text = text
        return withUnsafePointer(to: &text) { body($0) }
    }
}

extension [UInt8] {
    fileprivate func withText<Result>(_ body: (cpipe_mefs_text) -> Result) -> Result {
        withUnsafeBytes { bytes in
            body(cpipe_mefs_text(bytes: bytes.baseAddress?.assumingMemoryBound(to: CChar.self), count: bytes.count))
        }
    }
}
