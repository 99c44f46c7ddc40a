/// What is answered under which path.
public struct Routes: Sendable {
    public typealias Answer = @Sendable (Request) -> Response

    private var known: [String: [Request.Method: Answer]] = [:]
    private var others: (@Sendable (Request) -> Response?)?

    public init() {}

    public var paths: [String] { known.keys.sorted() }

    /// Answers GET, and HEAD, which gets the same without its body.
    public mutating func get(_ path: String, _ answer: @escaping Answer) { known[path, default: [:]][.get] = answer }
    public mutating func post(_ path: String, _ answer: @escaping Answer) { known[path, default: [:]][.post] = answer }

    /// Answers GET under paths that are not known beforehand.
    public mutating func otherwise(_ answer: @escaping @Sendable (Request) -> Response?) { others = answer }

    public func answer(_ request: Request) -> Response {
        let method = request.method == .head ? Request.Method.get : request.method
        if let answers = known[request.path] {
            if let answer = answers[method] { return answer(request) }
            let allowed = (answers[.get] == nil ? [] : ["GET", "HEAD"]) + (answers[.post] == nil ? [] : ["POST"])
            return Response(405, "this path takes \(allowed.joined(separator: ", "))\n")
                .with("Allow", allowed.joined(separator: ", "))
        }
        guard let response = others?(request) else { return Response(404, "there is nothing under this path\n") }
        guard method == .get else {
            return Response(405, "this path takes GET, HEAD\n").with("Allow", "GET, HEAD")
        }
        return response
    }
}
