/// Which sessions are open and for whom: the rules, without lock or clock.
///
/// Clients of the later generation name themselves, and a session stays open while one of them holds it. Those without
/// a name hold it together, and what one of them closes is closed for all of them; that is how the first generation is.
struct Catalog<File> {
    private struct Hold: Hashable {
        var client: String
        var path: String
    }

    private var files: [String: File] = [:]
    private var order: [String] = []
    private var holds: [Hold: ContinuousClock.Instant] = [:]
    private let maxHolds: Int

    init(maxHolds: Int) { self.maxHolds = maxHolds }

    /// Paths in the order they were opened.
    var paths: [String] { order }
    var count: Int { files.count }
    var holdCount: Int { holds.count }

    /// The session at a path, if it is open; keeps the client's hold on it fresh.
    mutating func file(_ path: String, client: String, now: ContinuousClock.Instant) -> File? {
        let hold = Hold(client: client, path: path)
        if holds[hold] != nil { holds[hold] = now }
        return files[path]
    }

    /// Opens a session or adds a hold to one that is open already, which then is returned instead.
    ///
    /// - Returns: The session that is open now, and those nobody holds any more.
    mutating func open(
        _ path: String,
        _ file: File,
        client: String,
        now: ContinuousClock.Instant
    ) -> (file: File, released: [File]) {
        if files[path] == nil {
            files[path] = file
            order.append(path)
        }
        let hold = Hold(client: client, path: path)
        holds[hold] = now
        var released: [File] = []
        while holds.count > maxHolds {
            // Those without a name cannot be told apart, so theirs is the last to go.
            guard
                let oldest = holds.filter({ $0.key != hold && !$0.key.client.isEmpty }).min(by: { $0.value < $1.value })
            else { break }
            released += close(oldest.key.path, client: oldest.key.client).map { [$0] } ?? []
        }
        return (files[path] ?? file, released)
    }

    /// Gives up a client's hold. Without any hold left the session is closed and returned.
    mutating func close(_ path: String, client: String) -> File? {
        holds[Hold(client: client, path: path)] = nil
        guard !holds.contains(where: { $0.key.path == path }), let file = files.removeValue(forKey: path) else {
            return nil
        }
        order.removeAll { $0 == path }
        return file
    }

    func isOpen(_ path: String) -> Bool { files[path] != nil }

    /// Gives up the holds of clients that have not been heard of since `cutoff`, and returns what that closes.
    mutating func expire(before cutoff: ContinuousClock.Instant) -> [File] {
        let stale = holds.filter { !$0.key.client.isEmpty && $0.value < cutoff }
        return stale.keys.compactMap { close($0.path, client: $0.client) }
    }

    mutating func closeAll() -> [File] {
        defer {
            files = [:]
            order = []
            holds = [:]
        }
        return Array(files.values)
    }
}
