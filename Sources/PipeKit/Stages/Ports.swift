public import PipeCore

/// An input port: what comes in, and whether it must be linked.
///
///     @Input("Frames in order of capture.") var frames: Receiver<Frame>
///     @Input("What is merged.", .many) var items: Receiver<AnyPayload>
@propertyWrapper
public struct Input<Carried: Payload>: DeclaredProperty {
    public let wrappedValue: Receiver<Carried>
    let ordinal: Int
    public let projectedValue: PortReference

    public init(_ summary: String, _ arity: PortSpec.Arity = .required) where Carried: Payload {
        let construction = Construction.active
        ordinal = construction?.count ?? 0
        let bound = construction?.declare {
            .input(PortSpec(summary: summary, payload: .of(Carried.self, like: nil), arity: arity))
        }
        projectedValue = PortReference(name: bound?.name ?? "")
        wrappedValue = Receiver()
    }
}

/// An output port: what goes out, and whether it must be linked. A stage that passes on what it got says of which
/// input: `@Output("What passes.", like: "items") var passed: Sender<AnyPayload>`.
@propertyWrapper
public struct Output<Carried: Payload>: DeclaredProperty {
    public let wrappedValue: Sender<Carried>
    let ordinal: Int
    public let projectedValue: PortReference

    public init(_ summary: String, _ arity: PortSpec.Arity = .required, like input: String? = nil) {
        let construction = Construction.active
        ordinal = construction?.count ?? 0
        let bound = construction?.declare {
            .output(PortSpec(summary: summary, payload: .of(Carried.self, like: input), arity: arity))
        }
        projectedValue = PortReference(name: bound?.name ?? "")
        wrappedValue = Sender(outbox: construction?.nextOutbox())
    }
}

/// The end of a link that a stage takes items from. They come to `process`.
public struct Receiver<Carried: Payload>: Sendable {}

/// The end of a link that a stage gives items to.
///
/// Sending never waits and never fails: what is sent is offered to the links when the step is over, and the stage is not
/// stepped again before they have taken it.
public struct Sender<Carried: Payload>: @unchecked Sendable {  // used by whoever steps the stage
    @usableFromInline let outbox: UnsafeMutablePointer<Outbox>?
    @usableFromInline let kind: UInt16

    init(outbox: UnsafeMutablePointer<Outbox>?) {
        self.outbox = outbox
        kind = Carried.self == AnyPayload.self ? 0 : PayloadType.kind(of: Carried.self)
    }

    /// Whether the graph links this output to anything.
    public var isLinked: Bool { outbox?.pointee.isLinked ?? false }

    /// Sends an item on: its number, key and time of capture go with it. Where nothing is linked, it is dropped as not
    /// chosen.
    @inlinable
    public func send(_ item: consuming Item<Carried>) {
        guard let outbox else { return }
        outbox.pointee.send(item, kind)
    }

    /// Sends something new, captured now unless it is said when.
    @inlinable
    public func send(_ payload: consuming Carried, key: Key = .none, captured: Instant? = nil) {
        guard let outbox else { return }
        outbox.pointee.make(payload, kind, key: key, captured: captured)
    }
}

/// A port as it was declared.
public struct PortSpec: Sendable {
    public enum Arity: Sendable {
        /// Exactly one link for an input; at least one for an output.
        case required
        /// May be left unlinked.
        case optional
        /// An input that any number of links lead to, one at least. It gathers the stations that feed it.
        case many
    }

    public enum Carried: Sendable {
        case payload(PayloadInfo)
        /// Whatever comes.
        case any
        /// What the named input carries.
        case like(String)

        static func of(_ type: (some Payload).Type, like input: String?) -> Carried {
            if let input { return .like(input) }
            if type == AnyPayload.self { return .any }
            _ = PayloadType.kind(of: type)  // so that a test finds it by its name
            return .payload(type.payload)
        }
    }

    public internal(set) var name: String
    public let summary: String
    public let payload: Carried
    public let arity: Arity

    public init(name: String = "", summary: String, payload: Carried, arity: Arity) {
        self.name = name
        self.summary = summary
        self.payload = payload
        self.arity = arity
    }

    /// The payload's name for pages: `frame`, `any`, `as items`.
    public var payloadText: String {
        switch payload {
        case .payload(let info): info.name
        case .any: "any"
        case .like(let input): "as \(input)"
        }
    }
}

/// A port, for a finding or a claim about it; `$frames` for a port `frames`.
public struct PortReference: Sendable, Hashable {
    public let name: String

    public init(name: String) { self.name = name }
}
