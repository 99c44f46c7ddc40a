internal import Mef3

/// Overviews: the extremes of each block as the index has them, so that nothing is decoded.
extension Service {
    // 32 bytes a block keep a message well below what clients take.
    private static let blocksOfMessage = 65536

    func envelope(_ request: Request, to sink: some ReplySink) async throws {
        func fail(_ message: String) async throws {
            try await sink.send(.envelope(Reply.Envelope(path: request.path, error: message)))
        }
        guard let file = file(request) else { return try await fail(Self.notOpen(request.path)) }
        let unknown = request.names.filter { file.index(of: $0) == nil }
        guard unknown.isEmpty else { return try await fail("Unknown channels: \(Self.list(unknown))") }
        guard request.names.count <= file.channels.count else {
            return try await fail("more names than there are channels, ask for each once")
        }
        let selection =
            request.names.isEmpty
            ? Array(file.channels.indices) : request.names.compactMap { file.index(of: $0) }
        for index in selection {
            let channel = file.channels[index]
            var message = Reply.Envelope(path: request.path, channel: channel.name)
            var isEmpty = true
            for block in channel.blocks {
                append(block, of: channel, request, to: &message)
                guard message.starts.count == Self.blocksOfMessage else { continue }
                try await sink.send(.envelope(message))
                message = Reply.Envelope(path: request.path, channel: channel.name)
                isEmpty = false
            }
            // A channel without blocks in the window has its message too.
            if isEmpty || !message.starts.isEmpty { try await sink.send(.envelope(message)) }
        }
    }

    private func append(
        _ block: BlockSpan,
        of channel: MefChannel,
        _ request: Request,
        to message: inout Reply.Envelope
    ) {
        guard let start = block.start else { return }
        let length = Double(block.samples.count) / channel.metadata.samplingFrequency * 1e6
        let end = start.addingReportingOverflow(Int64(min(length.rounded(), 1e18)))
        guard !end.overflow, start < request.end ?? .max, end.partialValue > request.start ?? .min else { return }
        let factor = channel.metadata.conversionFactor
        let values = block.extrema.map { [Double($0.lowerBound) * factor, Double($0.upperBound) * factor].sorted() }
        message.starts.append(start)
        message.ends.append(end.partialValue)
        message.minima.append(values?[0] ?? .nan)
        message.maxima.append(values?[1] ?? .nan)
    }
}
