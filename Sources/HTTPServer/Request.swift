import CLinux

/// A request that has come whole.
public struct Request: Sendable {
    public enum Method: String, Sendable {
        case get = "GET"
        case head = "HEAD"
        case post = "POST"
    }

    public var method: Method
    /// Decoded, without the query: `/api/numbers`. It begins with '/', whatever the client sent.
    public var path: String
    public var headers: [Header]
    public var body: [UInt8]

    public struct Header: Sendable {
        /// In lower case.
        public var name: String
        public var value: String

        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    public init(_ method: Method, _ path: String, headers: [Header] = [], body: [UInt8] = []) {
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body
    }

    /// The value of a header that stands there once; nil where there is none, or more than one.
    public func header(_ name: String) -> String? {
        let found = headers.filter { $0.name == name }
        return found.count == 1 ? found[0].value : nil
    }

    /// Whether the client shows this token, as 'Authorization: Bearer TOKEN'.
    public func shows(token: String) -> Bool {
        guard let given = header("authorization"), given.utf8.count > 7, given.prefix(7).lowercased() == "bearer "
        else {
            return false
        }
        let shown = Array(given.utf8.dropFirst(7))
        return cpipe_is_secret(shown, shown.count, token, token.utf8.count)
    }
}
