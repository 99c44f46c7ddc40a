/// Which names a client may call the server by.
///
/// A server that only this machine reaches is reached by every page that its user's browser shows, too: a page may give its
/// own name the address 127.0.0.1, and is then taken for the server's. Such a request names the page's host, and is refused.
struct HostRule: Sendable {
    private let isOpen: Bool
    private let names: Set<String>

    /// `names` are those of a proxy before the server. Without them a server that other machines reach takes any name.
    init(listensOn host: String, isLoopback: Bool, names: [String]) {
        isOpen = !isLoopback && names.isEmpty
        self.names = Set((names + [host, "localhost"]).map { Self.plain($0) })
    }

    func allows(_ header: String) -> Bool {
        guard let name = Self.name(in: header) else { return false }
        return isOpen || names.contains(name) || Self.isLoopback(name)
    }

    /// The name in a Host header, without its port; nil where it is none.
    static func name(in header: String) -> String? {
        var rest = Substring(header)
        let name: Substring
        if rest.hasPrefix("[") {
            guard let end = rest.firstIndex(of: "]") else { return nil }
            name = rest[rest.index(after: rest.startIndex)..<end]
            rest = rest[rest.index(after: end)...]
        } else {
            name = rest.prefix { $0 != ":" }
            rest = rest[name.endIndex...]
        }
        let allowed = name.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte | 0x20) || "-._:%".utf8.contains(byte)
        }
        guard !name.isEmpty, name.utf8.count <= 255, allowed else { return nil }
        if !rest.isEmpty {
            guard rest.first == ":", rest.utf8.count <= 6,
                rest.utf8.dropFirst().allSatisfy({ (0x30...0x39).contains($0) })
            else { return nil }
        }
        return plain(String(name))
    }

    static func isLoopback(_ name: String) -> Bool {
        if name == "::1" || name == "localhost" { return true }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }

    private static func plain(_ name: String) -> String {
        let name = name.lowercased()
        return name.hasSuffix(".") ? String(name.dropLast()) : name
    }
}
