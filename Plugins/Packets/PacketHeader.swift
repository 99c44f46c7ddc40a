import PipeCore
import PipeKit

/// Where packets say which number they have and when they were sent.
struct PacketHeader: OptionBlock {
    @Option("Where the number of a packet stands, in bytes from its beginning.", in: 0...65_535) var sequence: Int?
    @Option("Where the time of sending stands: nanoseconds since 1970, eight bytes.", in: 0...65_535)
    var timestamp: Int?
    @Option("How the number is written, and in which order the bytes of both stand.") var integers = Integers.u64Little

    enum Integers: String, Choice {
        case u16Big = "u16_big"
        case u16Little = "u16_little"
        case u32Big = "u32_big"
        case u32Little = "u32_little"
        case u64Big = "u64_big"
        case u64Little = "u64_little"

        var summary: String { "\(width) bytes, the \(isBig ? "highest" : "lowest") first." }

        var width: Int {
            switch self {
            case .u16Big, .u16Little: 2
            case .u32Big, .u32Little: 4
            case .u64Big, .u64Little: 8
            }
        }

        var isBig: Bool { [.u16Big, .u32Big, .u64Big].contains(self) }
    }

    func check(_ report: inout Diagnostics) {
        if sequence == nil, timestamp == nil {
            report.error(
                .missingKey,
                at: nil as Place?,
                "a header without 'sequence' and 'timestamp' says nothing",
                hint: "state one"
            )
        }
    }

    /// The bytes that a packet must have to hold it.
    var extent: Int { max(sequence.map { $0 + integers.width } ?? 0, timestamp.map { $0 + 8 } ?? 0) }

    var layout: PacketLayout {
        PacketLayout(
            sequence: sequence,
            timestamp: timestamp,
            width: integers.width,
            isBig: integers.isBig,
            extent: extent
        )
    }

    /// Writes number and time into a packet that has room for them.
    func write(sequence number: Int, timestamp time: Int, into packet: UnsafeMutableRawBufferPointer) {
        if let sequence { write(number, integers.width, to: packet, at: sequence) }
        if let timestamp { write(time, 8, to: packet, at: timestamp) }
    }

    private func write(_ value: Int, _ width: Int, to packet: UnsafeMutableRawBufferPointer, at place: Int) {
        for index in 0..<width {
            packet[place + index] = UInt8(
                truncatingIfNeeded: value >> (8 * (integers.isBig ? width - 1 - index : index))
            )
        }
    }
}

/// The same for who reads many packets.
struct PacketLayout {
    let sequence: Int?
    let timestamp: Int?
    /// Bytes of a number.
    let width: Int
    let isBig: Bool
    /// The bytes that a packet must have to hold it.
    let extent: Int

    func sequence(of packet: UnsafeRawBufferPointer) -> UInt64? {
        sequence.flatMap { integer(at: $0, width, of: packet) }
    }

    func timestamp(of packet: UnsafeRawBufferPointer) -> UInt64? {
        timestamp.flatMap { integer(at: $0, 8, of: packet) }
    }

    private func integer(at place: Int, _ width: Int, of packet: UnsafeRawBufferPointer) -> UInt64? {
        guard place + width <= packet.count else { return nil }
        if width == 8 {
            let value = packet.loadUnaligned(fromByteOffset: place, as: UInt64.self)
            return isBig ? value.byteSwapped : value
        }
        var value: UInt64 = 0
        for index in 0..<width {
            value |= UInt64(packet[place + index]) << (8 * UInt64(isBig ? width - 1 - index : index))
        }
        return value
    }
}

/// What the numbers of packets tell: which are missing, came twice, or late.
struct SequenceBook {
    /// The first number, and the one that comes next; counted on where numbers wrap.
    private(set) var first: Int?
    private(set) var next = 0
    /// Numbers below `next` that have not come.
    private(set) var lost = 0
    private(set) var reordered = 0
    private(set) var duplicated = 0
    /// So far back that it cannot be told whether they came before.
    private(set) var stale = 0

    private let shift: Int
    /// Which of the last numbers have come, by number modulo the size.
    private var seen = [16 of UInt64](repeating: 0)
    static let window = 1024

    /// `width` is that of the numbers, in bytes.
    init(width: Int) { shift = 64 - 8 * width }

    mutating func count(_ number: UInt64) {
        guard first != nil else {
            first = Int(truncatingIfNeeded: number)
            next = Int(truncatingIfNeeded: number) &+ 1
            mark(Int(truncatingIfNeeded: number))
            return
        }
        // How far ahead of the expected number it is, the short way round.
        let ahead = Int(truncatingIfNeeded: (number &- UInt64(bitPattern: Int64(next))) << UInt64(shift)) >> shift
        if ahead == 0 {
            next &+= 1
            mark(next &- 1)
        } else if ahead > 0 {
            skip(ahead)
        } else {
            comeLate(-ahead)
        }
    }

    private mutating func skip(_ missing: Int) {
        if missing >= Self.window {
            seen = [16 of UInt64](repeating: 0)
        } else {
            for offset in 0..<missing { unmark(next &+ offset) }
        }
        lost &+= missing
        next = next &+ missing &+ 1
        mark(next &- 1)
    }

    private mutating func comeLate(_ back: Int) {
        let number = next &- back
        if back > Self.window {
            stale += 1
        } else if isMarked(number) {
            duplicated += 1
        } else if let first, number &- first < 0 {
            reordered += 1  // before the first that came, so never counted as lost
            mark(number)
        } else {
            reordered += 1
            lost -= 1
            mark(number)
        }
    }

    private func place(_ number: Int) -> (word: Int, bit: UInt64) {
        let index = number & (Self.window - 1)
        return (index >> 6, 1 << UInt64(index & 63))
    }

    private func isMarked(_ number: Int) -> Bool { seen[place(number).word] & place(number).bit != 0 }
    private mutating func mark(_ number: Int) { seen[place(number).word] |= place(number).bit }
    private mutating func unmark(_ number: Int) { seen[place(number).word] &= ~place(number).bit }
}
