/// Why a server could not start or was set up wrongly, in words for the person who set it up.
public struct MefServerError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of trouble, for a program to decide on.
    public enum Code: String, Sendable, Hashable {
        /// An option cannot be as it is.
        case configuration
        /// The address cannot be listened on, or the certificate is not accepted.
        case listen
        /// The system refused something.
        case system
    }

    /// The kind of trouble.
    public let code: Code
    /// What happened and what to do, in lower case and without a full stop.
    public let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { "\(message) [\(code.rawValue)]" }
}
