/// What travels: who it is, and one payload.
public struct Item<Carried: Payload>: Sendable {
    public var header: Header
    public var payload: Carried

    @inlinable public init(header: consuming Header, payload: consuming Carried) {
        self.header = header
        self.payload = payload
    }

    /// Moves an item out of a slot, which is empty then.
    @inlinable
    public init(taking slot: UnsafeMutablePointer<Slot>) {
        payload = Carried.take(from: slot)
        header = slot.move().header
    }

    @inlinable public var sequence: Int { header.sequence }
    @inlinable public var captured: Instant { header.captured }
    @inlinable public var key: Key { header.key }

    /// The same item with another payload: its number, key and time of capture go on.
    @inlinable
    public consuming func with<Other: Payload>(_ payload: consuming Other) -> Item<Other> {
        Item<Other>(header: header, payload: payload)
    }
}
