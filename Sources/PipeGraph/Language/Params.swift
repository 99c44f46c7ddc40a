import PipeCore
import PipeKit

/// The type of a param: each is read by the option type of that name.
enum ParamType: String, Choice {
    case integer, number, string, bool, choice, duration, size, rate, percentage, url, address, path, secret

    var summary: String {
        switch self {
        case .integer: "A whole number: `3`, `10_000`."
        case .number: "A number: `0.5`."
        case .string: "Any text."
        case .bool: "`true` or `false`."
        case .choice: "One of the texts in `choices`."
        case .duration: "A time with its unit: `100ms`, `2m`."
        case .size: "Bytes with their unit: `64MiB`."
        case .rate: "How often, with its unit: `30/s`, `10kHz`."
        case .percentage: "A share: `0.1%`."
        case .url: "A URL."
        case .address: "A host and a port: `127.0.0.1:8080`."
        case .path: "A path, from the directory of the file it is written in."
        case .secret: "A text that is never printed."
        }
    }

    /// Reads a value to check it, and says how large it is where it has a size.
    func magnitude(of node: Node, _ reader: Reader) -> Double?? {
        switch self {
        case .integer: Int.read(node, reader).map { Double($0) }
        case .number: Double.read(node, reader).map { $0 }
        case .duration: Duration.read(node, reader).map { $0.seconds }
        case .size: ByteCount.read(node, reader).map { Double($0.bytes) }
        case .rate: Rate.read(node, reader).map { $0.perSecond }
        case .percentage: Percentage.read(node, reader).map { $0.percent }
        case .bool: Bool.read(node, reader).map { _ in nil }
        case .url: WebURL.read(node, reader).map { _ in nil }
        case .secret: Secret.read(node, reader).map { _ in nil }
        case .address: Address.read(node, reader).map { _ in nil }
        case .string, .choice, .path: reader.text(node, wanted: "a \(rawValue)").map { _ in nil }
        }
    }

    var hasSize: Bool {
        switch self {
        case .integer, .number, .duration, .size, .rate, .percentage: true
        default: false
        }
    }
}

/// The declaration of a param.
struct ParamBlock: OptionBlock {
    @Option("What may stand in it.") var type: ParamType
    @Option("Its value where none is set; without it the param must be set.") var `default`: Part<ScalarPart>?
    @Option("The values it allows: '1...64', '0...' or '...10s'.") var range: RangeText?
    @Option("The texts that a choice allows.") var choices: [String]?
    @Option("What it is for.") var doc: String?

    func check(_ report: inout Diagnostics) {
        if type == .choice, let choices, choices.isEmpty {
            report.error(.missingValue, at: $choices, "the list of choices is empty", hint: "add '[first, second]'")
        } else if type == .choice, choices == nil {
            report.error(.missingKey, at: $type, "a choice has no 'choices'", hint: "add 'choices: [first, second]'")
        }
        if type != .choice, choices != nil {
            report.error(
                .optionConflict,
                at: $choices,
                "'choices' belongs to a param of type choice, and this is of type \(type.rawValue)",
                hint: "write 'type: choice', or remove 'choices'"
            )
        }
        if range != nil, !type.hasSize {
            report.error(
                .optionConflict,
                at: $range,
                "a param of type \(type.rawValue) has no range",
                hint: "remove 'range'"
            )
        }
    }
}

/// A param with its value.
struct Param {
    let name: String
    let place: Place
    let block: ParamBlock
    /// The text that `${params.name}` stands for; nil where none is set, or what is set is wrong.
    let value: String?
    let directory: String
    var hasBadName = false
}

/// Values for params from outside a file: `--set`, a test's `set`, or `with` of an include.
struct ParamValues {
    /// Some could not be read: that one is missing would be a guess.
    var isPartial = false
    var nodes: [String: (node: Node, keyPlace: Place?)] = [:]
}

extension Reader {
    /// Reads the params of a file.
    ///
    /// `given` are values from outside, with everything filled in; each is checked against the declaration too.
    func params(_ part: Part<ParamsPart>?, given: ParamValues, place: Place) -> [String: Param] {
        let entries = part.flatMap { self.entries($0.node, wanted: "a mapping of params") } ?? []
        var params: [String: Param] = [:]
        for entry in entries {
            // A param with a bad name is still known by it: that was said once.
            let hasGoodName = checkName(entry.key, of: "a param", at: entry.keyPlace, &diagnostics)
            var param = param(entry, given: given)
            param.hasBadName = !hasGoodName
            params[entry.key] = param
        }
        for (name, value) in given.nodes.sorted(by: { $0.key < $1.key }) where params[name] == nil {
            guard !entries.contains(where: { $0.key == name }) else { continue }
            diagnostics.unknown(
                .unknownParam,
                at: value.keyPlace ?? value.node.place,
                "there is no param '\(shortened(name))'",
                name: name,
                among: entries.map(\.key),
                otherwise: "the file declares no params"
            )
        }
        return params
    }

    private func param(_ entry: Node.Entry, given values: ParamValues) -> Param {
        let given = values.nodes[entry.key]?.node
        reportBareValue(entry)
        if case .scalar = entry.value.content, !entry.value.isEmpty {
            return Param(name: entry.key, place: entry.keyPlace, block: ParamBlock(), value: nil, directory: ".")
        }
        let fields = Fields.of(ParamBlock.self)
        guard let parts = self.entries(entry.value, wanted: "the declaration of a param") else {
            return Param(name: entry.key, place: entry.keyPlace, block: ParamBlock(), value: nil, directory: ".")
        }
        let read = fields.read(parts, of: entry.value.place, self, what: "key")
        let block = fields.make(ParamBlock.self, read)
        let fallback = diagnostics.fallback
        diagnostics.fallback = entry.value.place
        if read.canBeChecked { block.check(&diagnostics) }
        diagnostics.fallback = fallback
        guard read.isBound("type", in: fields) else {
            // Declared, though wrongly: that it is unknown must not be reported a second time.
            return Param(name: entry.key, place: entry.keyPlace, block: ParamBlock(), value: nil, directory: ".")
        }
        let bounds = block.range.flatMap { range(of: $0.text, block) }
        var value: String?
        var directory = "."
        for node in [block.default?.node, given].compactMap({ $0 }) {
            guard let text = check(node, block, bounds) else {
                value = nil
                continue
            }
            (value, directory) = (text.text, text.directory)
        }
        if block.default == nil, given == nil, !values.isPartial, !read.misspelt.contains("default") {
            diagnostics.error(
                .missingParam,
                at: entry.keyPlace,
                "the param '\(entry.key)' has no value",
                hint: "set it with '--set params.\(entry.key)=…', or give it a default"
            )
        }
        return Param(name: entry.key, place: entry.keyPlace, block: block, value: value, directory: directory)
    }

    /// `n: 3` where a declaration belongs.
    private func reportBareValue(_ entry: Node.Entry) {
        guard case .scalar(let text, let style) = entry.value.content, !entry.value.isEmpty else { return }
        let type =
            style == .plain && Int(text) != nil
            ? "integer" : Double(text) != nil ? "number" : ["true", "false"].contains(text) ? "bool" : "string"
        let better = "{ type: \(type), default: \(text) }"
        diagnostics.error(
            .wrongShape,
            at: entry.value.place,
            "the declaration of a param belongs here, not its value",
            hint: "write \(better)",
            suggestion: better
        )
    }

    /// Checks a value that is to replace a param's own.
    func check(_ node: Node, against param: Param) {
        guard param.block.$type.isStated else { return }
        _ = check(node, param.block, param.block.range.flatMap { range(of: $0.text, param.block) })
    }

    private func check(_ node: Node, _ block: ParamBlock, _ bounds: (low: Double?, high: Double?)?) -> FilledText? {
        guard let magnitude = block.type.magnitude(of: node, self),
            let text = text(node, wanted: "a value", allowsSecret: block.type == .secret || block.type == .url)
        else {
            return nil
        }
        if block.type == .choice, let choices = block.choices, !choices.isEmpty, !choices.contains(text.text) {
            diagnostics.unknown(
                .unknownValue,
                at: node.place,
                "\(text.quoted) is not one of the choices",
                name: text.text,
                among: choices
            )
            return nil
        }
        if let magnitude, let bounds, magnitude < bounds.low ?? -.infinity || magnitude > bounds.high ?? .infinity {
            diagnostics.error(
                .outOfRange,
                at: node.place,
                "\(text.quoted) is outside \(block.range?.text ?? "")",
                hint: "use a value within \(block.range?.text ?? "")"
            )
            return nil
        }
        return text
    }

    /// `1...64`, with each side of the param's own type.
    private func range(of text: String, _ block: ParamBlock) -> (low: Double?, high: Double?)? {
        guard block.type.hasSize, let place = block.$range.place else { return nil }
        let sides = text.split(separator: "...", maxSplits: 1, omittingEmptySubsequences: false)
        var bounds: [Double?] = []
        for (index, side) in sides.enumerated() {
            let offset = index == 0 ? 0 : sides[0].unicodeScalars.count + 3
            guard !side.isEmpty else {
                bounds.append(nil)
                continue
            }
            let part =
                side.unicodeScalars.count < Int(place.length) ? place.part(from: offset, length: side.count) : place
            let node = Node(.scalar(text: String(side), style: .plain), at: part)
            guard let magnitude = block.type.magnitude(of: node, self) else { return nil }
            bounds.append(magnitude)
        }
        if let low = bounds[0], let high = bounds[1], low > high {
            diagnostics.error(
                .outOfRange,
                at: place,
                "the range '\(text)' holds no value",
                hint: "write the lower end first",
                suggestion: "\(sides[1])...\(sides[0])"
            )
            return nil
        }
        return (bounds[0], bounds[1])
    }
}
