import PipeCore

/// What one client has sent, or all of them.
struct ClientBook {
    var name = ""
    var packets = 0
    var bytes = 0
    var lost = 0
    var reordered = 0
    var duplicated = 0
    var trailing = 0
    /// Packets too short for their header.
    var short = 0
    var latency = Histogram()
    var departure: Departure?
    fileprivate var isConnected = false
    fileprivate var sequence: SequenceBook?
    private var first: Instant?
    private var last = Instant.zero
    private var inFirst = 0

    init(_ name: String = "") { self.name = name }

    fileprivate mutating func arrive(_ packets: Int, _ bytes: Int, at time: Instant) {
        if first == nil { (first, inFirst) = (time, packets) }
        self.packets += packets
        self.bytes += bytes
        last = max(last, time)
    }

    fileprivate mutating func takeOver() {
        guard let sequence else { return }
        (lost, reordered, duplicated) = (sequence.lost, sequence.reordered, sequence.duplicated + sequence.stale)
    }

    fileprivate mutating func add(_ other: ClientBook) {
        packets += other.packets
        bytes += other.bytes
        lost += other.lost
        reordered += other.reordered
        duplicated += other.duplicated
        trailing += other.trailing
        short += other.short
        latency += other.latency
        guard let start = other.first else { return }
        if first.map({ start < $0 }) ?? true { (first, inFirst) = (start, other.inFirst) }
        last = max(last, other.last)
    }

    var seconds: Double { first.map { max(0, (last - $0).seconds) } ?? 0 }

    /// Packets a second from the first to the last that came: what came at the first moment took no time.
    var rate: Double { seconds > 0 ? Double(packets - inFirst) / seconds : 0 }

    /// What a report says of it. Loss and latency are there only where packets tell.
    fileprivate func described(_ layout: PacketLayout?) -> JSON {
        var value: JSON = [
            "packets": .integer(packets), "bytes": .integer(bytes), "seconds": .number(seconds), "rate": .number(rate),
        ]
        if layout?.sequence != nil {
            value["lost"] = .integer(lost)
            value["reordered"] = .integer(reordered)
            value["duplicated"] = .integer(duplicated)
        }
        if short > 0 { value["short"] = .integer(short) }
        if latency.count > 0 {
            for (name, share) in [("p50", 0.5), ("p99", 0.99), ("p999", 0.999)] {
                value["latency_\(name)"] = .number(latency.quantile(share)?.seconds ?? 0)
            }
            value["latency_max"] = .number(Double(latency.most) * 1e-9)
        }
        if trailing > 0 { value["trailing_bytes"] = .integer(trailing) }
        return value
    }
}

/// The books of all clients.
struct PacketBooks {
    private let layout: PacketLayout?
    private var places: [Key: Int] = [:]
    private var clients: [ClientBook] = []
    /// Of clients that were reported for the last time.
    private var gone = ClientBook()
    private var latest: (key: Key, place: Int)?
    private(set) var connected = 0
    private var connections = 0
    private var departures = [Int](repeating: 0, count: Departure.allCases.count)
    /// More clients at a time than this share one book.
    private static let mostClients = 100_000

    init(_ layout: PacketLayout? = nil) { self.layout = layout }

    mutating func open(_ client: PacketClient, _ key: Key) {
        connections += 1
        connected += 1
        let place = place(client, key)
        clients[place].isConnected = true
    }

    mutating func close(_ client: PacketClient, _ key: Key, _ reason: Departure, _ trailing: Int) {
        departures[reason.number] += 1
        guard !reason.isRefusal else { return }
        let place = place(client, key)
        if clients[place].isConnected { connected -= 1 }
        clients[place].isConnected = false
        clients[place].departure = reason
        clients[place].trailing += trailing
    }

    mutating func count(_ batch: borrowing PacketBatch, _ key: Key, captured: Instant, now: () -> Int) {
        let place = place(batch.client, key)
        clients[place].arrive(batch.count, batch.byteCount, at: captured)
        guard let layout else { return }
        let now = layout.timestamp == nil ? 0 : now()
        clients.withUnsafeMutableBufferPointer { $0[place].look(at: batch, layout, now) }
    }

    private mutating func place(_ client: PacketClient, _ key: Key) -> Int {
        if let latest, latest.key == key { return latest.place }
        if let place = places[key] {
            latest = (key, place)
            return place
        }
        guard clients.count < Self.mostClients else { return clients.count - 1 }
        clients.append(ClientBook(clients.count == Self.mostClients - 1 ? "others" : client.name))
        places[key] = clients.count - 1
        latest = (key, clients.count - 1)
        return clients.count - 1
    }

    /// All clients together.
    var total: ClientBook {
        var total = gone
        for var client in clients {
            client.takeOver()
            total.add(client)
        }
        return total
    }

    func report(_ event: String, listing most: Int) -> JSON {
        var report = total.described(layout)
        report["event"] = .string(event)
        report["connections"] = .integer(connections)
        report["connected"] = .integer(connected)
        let departed = Departure.allCases.filter { departures[$0.number] > 0 }
        for (name, isRefusal) in [("departed", false), ("refused", true)] {
            let counts = departed.filter { $0.isRefusal == isRefusal }
            guard !counts.isEmpty else { continue }
            report[name] = .object(counts.map { .init($0.rawValue, .integer(departures[$0.number])) })
        }
        report["clients"] = .array(clients.prefix(most).map { described($0) })
        return report
    }

    private func described(_ client: ClientBook) -> JSON {
        var client = client
        client.takeOver()
        var value = client.described(layout)
        value["client"] = .string(client.name)
        if let sequence = client.sequence, let first = sequence.first {
            value["first"] = .integer(first)
            value["last"] = .integer(sequence.next &- 1)
        }
        if let departure = client.departure { value["departed"] = .string(departure.rawValue) }
        return value
    }

    /// Keeps only the sum of those who have gone and were reported.
    mutating func forgetGone() {
        guard clients.contains(where: { $0.departure != nil && !$0.isConnected }) else { return }
        var kept: [ClientBook] = []
        var moved = [Int?](repeating: nil, count: clients.count)
        for (place, var client) in clients.enumerated() {
            if client.departure == nil || client.isConnected {
                moved[place] = kept.count
                kept.append(client)
            } else {
                client.takeOver()
                gone.add(client)
            }
        }
        clients = kept
        places = places.compactMapValues { moved[$0] }
        latest = nil
    }
}

extension ClientBook {
    fileprivate mutating func look(at batch: borrowing PacketBatch, _ layout: PacketLayout, _ now: Int) {
        if layout.sequence != nil, sequence == nil { sequence = SequenceBook(width: layout.width) }
        // Packets of one write mostly have one time: it is recorded once for all of them.
        var (time, times) = (UInt64(0), 0)
        batch.client.framing.forEachPacket(batch.bytes) { packet in
            guard packet.count >= layout.extent else {
                short += 1
                return
            }
            if let number = layout.sequence(of: packet) { sequence?.count(number) }
            guard let sent = layout.timestamp(of: packet) else { return }
            if sent != time {
                record(time, times, now)
                (time, times) = (sent, 0)
            }
            times += 1
        }
        record(time, times, now)
    }

    /// A clock that is ahead of ours makes times below zero; they count as none.
    private mutating func record(_ sent: UInt64, _ times: Int, _ now: Int) {
        if times > 0 { latency.record(max(0, now &- Int(truncatingIfNeeded: sent)), times: times) }
    }
}
