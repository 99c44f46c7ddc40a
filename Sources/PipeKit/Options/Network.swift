/// A host and a port: `127.0.0.1:8080`, `[::1]:0`, `camera-3:9000`.
public struct Address: OptionValue, Hashable {
    public let host: String
    public let port: UInt16

    public init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    public static var kind: OptionKind { .address }

    public static func read(_ node: Node, _ reader: Reader) -> Address? {
        guard let text = reader.text(node, wanted: "an address (host:port)") else { return nil }
        switch parse(text.text) {
        case .success(let address): return address
        case .failure(let problem):
            reader.wrongType(
                text,
                wanted: "an address: \(problem.message)",
                hint: problem.suggestion == nil ? "write host:port, such as 127.0.0.1:8080" : nil,
                suggestion: problem.suggestion
            )
            return nil
        }
    }

    public var written: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    struct Problem: Error {
        var message: String
        var suggestion: String?
    }

    static func parse(_ text: String) -> Result<Address, Problem> {
        if let scheme = text.firstRange(of: "://") {
            let rest = String(text[scheme.upperBound...].prefix { $0 != "/" })
            return .failure(Problem(message: "it has a scheme", suggestion: rest.isEmpty ? nil : rest))
        }
        guard let colon = text.lastIndex(of: ":") else {
            let port = UInt16(text)
            return .failure(
                Problem(
                    message: port == nil ? "the port is missing" : "the host is missing",
                    suggestion: port.map { "127.0.0.1:\($0)" }
                )
            )
        }
        var host = text[..<colon]
        let digits = text[text.index(after: colon)...]
        guard digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), !digits.isEmpty else {
            return .failure(Problem(message: "the port '\(digits)' is not a number"))
        }
        guard let port = UInt16(digits) else {
            return .failure(Problem(message: "the port \(digits) is above 65535"))
        }
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            guard isIPv6(host) else { return .failure(Problem(message: "'\(host)' is not an IPv6 address")) }
        } else if host.contains(":") {
            return .failure(
                Problem(
                    message: "an IPv6 host stands in brackets",
                    suggestion: isIPv6(host) ? "[\(host)]:\(port)" : nil
                )
            )
        } else if !isHostName(host) {
            let message = host.isEmpty ? "the host is missing" : "'\(host)' is not a host name"
            return .failure(Problem(message: message, suggestion: host.isEmpty ? "127.0.0.1:\(port)" : nil))
        }
        return .success(Address(host: String(host), port: port))
    }

    static func isHostName(_ host: Substring) -> Bool {
        guard !host.isEmpty, host.utf8.count <= 253 else { return false }
        let labels = host.split(separator: ".", omittingEmptySubsequences: false)
        let isNumeric = labels.allSatisfy { !$0.isEmpty && $0.allSatisfy { $0.isASCII && $0.isNumber } }
        if isNumeric { return labels.count == 4 && labels.allSatisfy { UInt8($0) != nil } }
        return labels.allSatisfy { label in
            !label.isEmpty && label.utf8.count <= 63 && !label.hasPrefix("-") && !label.hasSuffix("-")
                && label.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
        }
    }

    static func isIPv6(_ host: Substring) -> Bool {
        let groups = host.split(separator: ":", omittingEmptySubsequences: false)
        let gaps = host.ranges(of: "::").count
        return groups.count >= 3 && groups.count <= 8 && gaps <= 1 && (gaps == 1 || groups.count == 8)
            && groups.allSatisfy { $0.count <= 4 && $0.allSatisfy(\.isHexDigit) }
    }
}

/// An address that the stage itself listens on: two stages of one graph cannot have the same.
public struct ListenAddress: OptionValue, Hashable {
    public let address: Address

    public init(_ address: Address) { self.address = address }

    public static var kind: OptionKind { .address }

    public static func read(_ node: Node, _ reader: Reader) -> ListenAddress? {
        guard let address = Address.read(node, reader) else { return nil }
        reader.worldClaims.append(WorldClaim(thing: .address(address), place: node.place))
        return ListenAddress(address)
    }

    public var written: String { address.written }
}

/// A path of the run's page that a stage serves itself: `/video_feed`. Two stages of one graph cannot have the same, and
/// what the page itself answers is taken.
public struct WebPath: OptionValue, Hashable {
    public let path: String

    public static var kind: OptionKind { .text(name: "path of a page", rule: "'/video_feed'") }

    /// What the page itself answers. What stands below one that ends in '/' is taken, too.
    public static let taken = [
        "/", "/page.css", "/page.js", "/icon.svg", "/metrics", "/health", "/healthz", "/ready", "/readyz", "/api/graph",
        "/api/numbers", "/api/stream", "/api/views", "/api/drain", "/api/stop", "/views/",
    ]

    public static func read(_ node: Node, _ reader: Reader) -> WebPath? {
        guard let text = reader.text(node, wanted: "a path") else { return nil }
        let parts = text.text.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        let isSound = parts.allSatisfy { part in
            !part.isEmpty && part != "." && part != ".."
                && part.utf8.allSatisfy { byte in
                    (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte | 0x20) || "-._~".utf8.contains(byte)
                }
        }
        guard text.text.hasPrefix("/"), isSound || text.text == "/", text.text.utf8.count <= 200 else {
            let better = "/" + text.text.drop { $0 == "/" }
            reader.wrongType(
                text,
                wanted: "a path of a page",
                hint: "write '/video_feed': letters, digits, '-', '.', '_', '~' and '/'",
                suggestion: !text.text.hasPrefix("/") && isSound ? better : nil
            )
            return nil
        }
        if let own = taken.first(where: {
            text.text == $0 || ($0.hasSuffix("/") && $0 != "/" && text.text.hasPrefix($0))
        }) {
            reader.diagnostics.error(
                .optionConflict,
                at: node.place,
                "\(text.quoted) is taken by the page itself" + (own == text.text ? "" : ", as all below '\(own)'"),
                hint: "choose another path, such as '/video_feed'"
            )
            return nil
        }
        reader.worldClaims.append(WorldClaim(thing: .page(text.text), place: node.place))
        return WebPath(path: text.text)
    }

    public var written: String { path }
}

/// A URL with a scheme and a host: `rtsp://127.0.0.1:8554/station_1`. The text may hold a secret, so it prints without
/// its user part.
public struct WebURL: OptionValue, Hashable {
    public let scheme: String
    /// What stands between `//` and `@`, or nil.
    public let user: String?
    public let host: String
    public let port: UInt16?
    /// Path, query and fragment, as written.
    public let path: String

    public static var kind: OptionKind { .url(schemes: []) }

    public static func read(_ node: Node, _ reader: Reader) -> WebURL? {
        guard let text = reader.text(node, wanted: "a URL", allowsSecret: true) else { return nil }
        guard let scheme = text.text.firstRange(of: "://"), isScheme(text.text[..<scheme.lowerBound]) else {
            reader.wrongType(text, wanted: "a URL", hint: "write scheme://host/path, such as http://127.0.0.1:8000/v1")
            return nil
        }
        let rest = text.text[scheme.upperBound...]
        let authority = rest.prefix { !"/?#".contains($0) }
        let user = authority.lastIndex(of: "@").map { authority[..<$0] }
        let location = authority.dropFirst(user.map { $0.count + 1 } ?? 0)
        let hasPort = location.hasSuffix("]") ? false : location.contains(":")
        let parsed = Address.parse(hasPort ? String(location) : "\(location):0")
        guard case .success(let address) = parsed, !rest.contains(where: \.isWhitespace) else {
            let problem = text.isSecret ? "its host and port cannot be read" : "'\(location)' is not a host and port"
            reader.wrongType(text, wanted: "a URL: \(problem)", hint: "write scheme://host:port/path without blanks")
            return nil
        }
        return WebURL(
            scheme: text.text[..<scheme.lowerBound].lowercased(),
            user: user.map(String.init),
            host: address.host,
            port: hasPort ? address.port : nil,
            path: String(rest.dropFirst(authority.count))
        )
    }

    private static func isScheme(_ text: Substring) -> Bool {
        guard let first = text.first, first.isASCII, first.isLetter else { return false }
        return text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "+-.".contains($0)) }
    }

    /// The URL with its user part, for the connection itself.
    public var text: String { "\(scheme)://\(user.map { "\($0)@" } ?? "")\(location)\(path)" }

    public var written: String { "\(scheme)://\(location)\(path)" }

    private var location: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port.map { "\(name):\($0)" } ?? name
    }
}
