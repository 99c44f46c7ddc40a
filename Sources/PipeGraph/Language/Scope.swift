import PipeKit

/// What `${…}` means in one file: its params, the environment, secrets, and the station at hand.
///
///     ${params.x}  ${env.NAME}  ${env.NAME:-default}  ${secret.NAME}  ${station}     $${ is a plain ${
final class Scope: Filler {
    var params: [String: Param] = [:]
    /// While the params themselves are read, none is known.
    var isReadingParams = false
    private(set) var usedParams: Set<String> = []
    /// The station for which a stage is being bound.
    var station: String?
    private(set) var usedStation = false
    /// Stations feed the stage that is being bound, by an input that gathers them.
    var isBehindGathering = false
    private let environment: [String: String]

    init(environment: [String: String]) { self.environment = environment }

    /// Counts what these fill in as used: a stage that is not looked at further uses its params all the same.
    func touch(_ entries: [Node.Entry]) {
        for entry in entries { touch(entry.value) }
    }

    private func touch(_ node: Node) {
        switch node.content {
        case .scalar(let text, _):
            for name in text.split(separator: "${params.").dropFirst() {
                usedParams.insert(String(name.prefix { $0 != "}" }))
            }
        case .list(let nodes): nodes.forEach(touch)
        case .map(let entries): touch(entries)
        }
    }

    /// Runs `body` and says whether it asked for the station.
    func observingStation<Result>(_ body: () -> Result) -> (result: Result, usedStation: Bool) {
        usedStation = false
        let result = body()
        return (result, usedStation)
    }

    func fill(_ text: String, of node: Node, directory: String, _ reader: Reader) -> FilledText? {
        var isQuoted = true
        if case .scalar(_, .plain) = node.content { isQuoted = false }
        var filled = FilledText(text: "", source: node, isQuoted: isQuoted, directory: directory)
        var rest = text[...]
        var isSound = true
        while let mark = rest.firstRange(of: "${") {
            let before = rest[..<mark.lowerBound]
            if before.last == "$" {  // $${ stands for ${
                filled.text += before.dropLast() + "${"
                rest = rest[mark.upperBound...]
                continue
            }
            filled.text += before
            let offset = text.unicodeScalars.distance(from: text.startIndex, to: mark.lowerBound)
            guard let close = rest[mark.upperBound...].firstIndex(of: "}") else {
                reader.diagnostics.error(
                    .badFill,
                    at: node.place(from: offset, length: rest[mark.lowerBound...].unicodeScalars.count),
                    "this '${' has no '}'",
                    hint: "close it, or write '$${' for a plain '${'"
                )
                return nil
            }
            let name = String(rest[mark.upperBound..<close])
            let place = node.place(from: offset, length: name.unicodeScalars.count + 3)
            rest = rest[rest.index(after: close)...]
            guard let value = value(of: name, at: place, reader) else {
                isSound = false  // what else is wrong in this text is found in the same run
                continue
            }
            let isWhole = filled.text.isEmpty && rest.isEmpty
            filled.text += value.text
            filled.isFilled = true
            filled.isSecret = filled.isSecret || value.isSecret
            if isWhole, let directory = value.directory { filled.directory = directory }
        }
        filled.text += rest
        return isSound ? filled : nil
    }

    private struct Value {
        var text: String
        var isSecret = false
        var directory: String?
    }

    private func value(of name: String, at place: Place, _ reader: Reader) -> Value? {
        if name == "station" {
            usedStation = true
            if let station { return Value(text: station) }
            reader.diagnostics.error(
                .noStation,
                at: place,
                isBehindGathering
                    ? "'${station}' has no meaning here: the stations before it have been gathered"
                    : "'${station}' has no meaning here: this part of the graph is not replicated",
                hint: isBehindGathering
                    ? "use it before an input that takes many links, or write what all stations share"
                    : "add 'stations:' to this stage or to one that feeds it"
            )
            return nil
        }
        let parts = name.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, !parts[1].isEmpty else {
            reportUnknown(name, at: place, reader)
            return nil
        }
        switch parts[0] {
        case "params": return param(parts[1], at: place, reader)
        case "env": return variable(parts[1], at: place, reader)
        case "secret": return secret(parts[1], at: place, reader)
        default:
            reportUnknown(name, at: place, reader)
            return nil
        }
    }

    private func param(_ name: String, at place: Place, _ reader: Reader) -> Value? {
        usedParams.insert(name)
        guard let param = params[name] else {
            if isReadingParams {
                reader.diagnostics.error(
                    .unknownParam,
                    at: place,
                    "a param cannot be made of another",
                    hint: "put both into the option: '${params.a}/${params.b}'"
                )
                return nil
            }
            let best = reader.nearest(to: name, among: params.keys)
            reader.diagnostics.error(
                .unknownParam,
                at: place,
                "there is no param '\(shortened(name))'",
                hint: best.map { "did you mean '${params.\($0)}'?" } ?? "declare it under 'params:'",
                suggestion: best.map { "${params.\($0)}" }
            )
            return nil
        }
        // A param whose own value is wrong was reported where it is declared.
        return param.value.map { Value(text: $0, isSecret: param.block.type == .secret, directory: param.directory) }
    }

    private func variable(_ text: String, at place: Place, _ reader: Reader) -> Value? {
        let split = text.firstRange(of: ":-")
        let name = String(split.map { text[..<$0.lowerBound] } ?? text[...])
        if let value = environment[name] { return Value(text: value) }
        if let split { return Value(text: String(text[split.upperBound...])) }
        guard reader.looksAtWorld else { return nil }
        let plain = String(name.prefix { $0.isLetter || $0.isNumber || $0 == "_" })
        let value = name.dropFirst(plain.count).drop { ":-=? ".contains($0) }
        let better: String? =
            plain.count < name.count
            ? "${env.\(plain):-\(value)}"
            : reader.nearest(to: name, among: environment.keys).map { "${env.\($0)}" }
        reader.diagnostics.error(
            .unsetVariable,
            at: place,
            "the environment variable '\(shortened(name))' is not set",
            hint: better.map { "did you mean '\($0)'?" } ?? "set it, or give a default: '${env.\(name):-value}'",
            suggestion: better
        )
        return nil
    }

    private func secret(_ name: String, at place: Place, _ reader: Reader) -> Value? {
        if let value = environment["PIPE_SECRET_\(name)"] { return Value(text: value, isSecret: true) }
        guard reader.looksAtWorld else { return Value(text: "secret", isSecret: true) }
        reader.diagnostics.error(
            .unsetSecret,
            at: place,
            "the secret '\(shortened(name))' is not set",
            hint: "set PIPE_SECRET_\(name) in the environment of pipe"
        )
        return nil
    }

    private func reportUnknown(_ written: String, at place: Place, _ reader: Reader) {
        let name = written.split(separator: " ").joined()
        let first = String(name.prefix { $0 != "." })
        let best: String? =
            params[name] != nil
            ? "params.\(name)"
            : environment[name] != nil
                ? "env.\(name)"
                : ["params", "env", "secret"].contains(first) && name.count > first.count + 1
                    ? name
                    : Suggestion.best(for: first, among: ["params", "env", "secret", "station"]).map { root in
                        root == "station" ? root : root + name.dropFirst(first.count)
                    }
        reader.diagnostics.error(
            .badFill,
            at: place,
            "'${\(shortened(written))}' names nothing that can be filled in",
            hint: best.map { "did you mean '${\($0)}'?" }
                ?? "use ${params.NAME}, ${env.NAME}, ${secret.NAME} or ${station}; write '$${' for a plain '${'",
            suggestion: best.map { "${\($0)}" }
        )
    }
}
