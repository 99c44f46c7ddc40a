/// What can be done with the payload in a slot when its type is known only by number.
public final class PayloadType: Sendable {
    public let info: PayloadInfo
    let kind: UInt16
    let take: @Sendable (UnsafeMutablePointer<Slot>) -> any Payload
    let destroy: @Sendable (UnsafeMutablePointer<Slot>) -> Void
    let copy: @Sendable (UnsafeMutablePointer<Slot>, UnsafeMutablePointer<Slot>) -> Void
    /// What the payload says of itself; it stays where it is.
    let described: @Sendable (UnsafeMutablePointer<Slot>) -> JSON

    /// The bytes of the payload, for a recording, and the payload of such bytes; nil where the type has none.
    let recorded: @Sendable (UnsafeMutablePointer<Slot>) -> [UInt8]?
    let restored: @Sendable ([UInt8]) -> (any Payload)?

    /// A payload of a value in a test, and the n-th of a series.
    public let read: @Sendable (JSON) -> (any Payload)?
    public let sample: @Sendable (Int) -> (any Payload)?

    private init<P: Payload>(_ type: P.Type, kind: UInt16) {
        info = type.payload
        self.kind = kind
        read = { P.read($0) }
        sample = { P.sample($0) }
        take = { P.take(from: $0) }
        restored = { P.restored($0) }
        recorded = { slot in
            if P.isInPlace { return slot.words.assumingMemoryBound(to: P.self).pointee.recorded }
            return slot.words.assumingMemoryBound(to: PayloadBox<P>.self).pointee.value.recorded
        }
        described = { slot in
            if P.isInPlace { return slot.words.assumingMemoryBound(to: P.self).pointee.described }
            return slot.words.assumingMemoryBound(to: PayloadBox<P>.self).pointee.value.described
        }
        let isPlain = P.isInPlace && _isPOD(P.self)
        if isPlain {
            destroy = { _ in }
            copy = { $1.pointee.words = $0.pointee.words }
        } else {
            destroy = { _ = P.take(from: $0) }
            copy = { P.copyWords(from: $0, to: $1) }
        }
    }

    private final class Registry: @unchecked Sendable {  // guarded by its lock
        let lock = Lock()
        var kinds: [ObjectIdentifier: UInt16] = [:]
        var count: UInt16 = 1  // 0 is a gap
    }

    private static let registry = Registry()
    /// Payload types of a program are few and live as long as it does; reading them takes no lock. An entry is written
    /// under the registry's lock before its number is known to anybody.
    nonisolated(unsafe) private static let table = UnsafeMutablePointer<Unmanaged<PayloadType>?>.allocate(
        capacity: mostTypes
    )
    private static let mostTypes = 4096

    static subscript(kind: UInt16) -> PayloadType {
        guard let type = table[Int(kind)] else { preconditionFailure("no payload type \(kind)") }
        return type._withUnsafeGuaranteedRef { $0 }
    }

    /// The type of a name, of those that the program's ports declare.
    public static func named(_ name: String) -> PayloadType? {
        registry.lock.locked {
            (1..<registry.count).lazy.map { PayloadType[$0] }.first { $0.info.name == name }
        }
    }

    public static func of(_ type: (some Payload).Type) -> PayloadType { PayloadType[kind(of: type)] }

    /// The number of a type. It takes a lock: a port asks once, and keeps it.
    public static func kind(of type: (some Payload).Type) -> UInt16 {
        registry.lock.locked {
            if let kind = registry.kinds[ObjectIdentifier(type)] { return kind }
            let kind = registry.count
            precondition(Int(kind) < mostTypes, "more than \(mostTypes) payload types")
            table[Int(kind)] = .passRetained(PayloadType(type, kind: kind))
            registry.kinds[ObjectIdentifier(type)] = kind
            registry.count += 1
            return kind
        }
    }
}

extension Payload {
    fileprivate static func copyWords(from slot: UnsafeMutablePointer<Slot>, to other: UnsafeMutablePointer<Slot>) {
        if isInPlace {
            other.words.initializeMemory(as: Self.self, from: slot.words.assumingMemoryBound(to: Self.self), count: 1)
        } else {
            typealias Box = PayloadBox<Self>
            other.words.initializeMemory(as: Box.self, from: slot.words.assumingMemoryBound(to: Box.self), count: 1)
        }
    }
}
