import PipeCore

// Packets as a recording of a run holds them: whose they are, how they are told apart, and what happened.

extension PacketBatch {
    var recorded: [UInt8]? {
        var writer = RecordedWriter()
        writer.text(client.name)
        client.framing.write(to: &writer)
        switch event {
        case .packets:
            writer.number(0)
            writer.blob(bytes)
        case .opened: writer.number(1)
        case .closed(let reason, let trailing):
            writer.number(2)
            writer.number(reason.number)
            writer.number(trailing)
        }
        return writer.bytes
    }

    static func restored(_ bytes: [UInt8]) -> PacketBatch? {
        var reader = RecordedReader(bytes[...])
        guard let name = reader.text(), let framing = Framing(from: &reader), let event = reader.number() else {
            return nil
        }
        let client = PacketClient(name, framing)
        switch event {
        case 0: return reader.blob().flatMap { restored(client, $0) }
        case 1: return PacketBatch(opened: client)
        case 2:
            guard let reason = reader.number(), Departure.allCases.indices.contains(reason),
                let trailing = reader.number(), (0..<mostBytes.bytes).contains(trailing)
            else { return nil }
            return PacketBatch(closed: client, Departure.allCases[reason], trailing: trailing)
        default: return nil
        }
    }

    /// The packets are counted anew: a batch holds whole ones, and nothing else.
    private static func restored(_ client: PacketClient, _ bytes: ArraySlice<UInt8>) -> PacketBatch? {
        guard bytes.count < mostBytes.bytes else { return nil }
        let buffer = replayPool.take(bytes.count)
        buffer.bytes.copyBytes(from: bytes)
        let cut = client.framing.cut(UnsafeRawBufferPointer(rebasing: buffer.bytes[..<bytes.count]))
        guard cut.whole == bytes.count else { return nil }
        return PacketBatch(of: client, in: buffer, at: 0, bytes: bytes.count, packets: cut.packets)
    }
}

extension Framing {
    fileprivate func write(to writer: inout RecordedWriter) {
        switch kind {
        case .fixed(let size): for number in [0, size, 0] { writer.number(number) }
        case .prefixed(let width, let isBig): for number in [1, width, isBig ? 1 : 0] { writer.number(number) }
        case .delimited(let byte): for number in [2, Int(byte), 0] { writer.number(number) }
        }
        writer.number(longest)
    }

    fileprivate init?(from reader: inout RecordedReader) {
        guard let kind = reader.number(), let first = reader.number(), let second = reader.number(),
            let longest = reader.number(), (1...PacketBatch.mostBytes.bytes).contains(longest)
        else { return nil }
        switch (kind, first) {
        case (0, 1...longest): self = Framing(kind: .fixed(first), longest: longest)
        case (1, 1...4): self = Framing(kind: .prefixed(bytes: first, isBig: second == 1), longest: longest)
        case (2, 0...255): self = Framing(kind: .delimited(UInt8(first)), longest: longest)
        default: return nil
        }
    }
}

private let replayPool = BufferPools(keeping: .mebibytes(64))
