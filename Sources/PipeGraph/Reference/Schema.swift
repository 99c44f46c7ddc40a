public import PipeCore
public import PipeKit

/// The JSON Schema (2020-12) of the graph language, made of the same declarations that graphs are read with. It says no
/// more than the reader: what it rejects, `pipe validate` rejects too.
public struct Schema {
    private let catalogue: Catalogue

    public init(_ catalogue: Catalogue) { self.catalogue = catalogue }

    /// The schema of a graph, or of a file of stages that a graph includes.
    public func document(ofFragment isFragment: Bool = false) -> JSON {
        let fields = isFragment ? Fields.of(FragmentFile.self) : Fields.of(GraphFile.self)
        var root = object(
            fields,
            description: isFragment ? "A file of stages that a graph includes." : "A graph that pipe runs."
        )
        root["properties"]?["pipe"] = ["const": 1, "description": .string(fields.option(named: "pipe")?.summary ?? "")]
        root["patternProperties"] = ["^x-": ["description": "Anything: a place for anchors."]]
        guard case .object(let members) = root else { return root }
        return .object(
            [
                JSON.Member("$schema", "https://json-schema.org/draft/2020-12/schema"),
                JSON.Member("title", isFragment ? "pipe stages" : "pipe graph"),
            ] + members + [JSON.Member("$defs", definitions)]
        )
    }

    // MARK: Definitions

    private var definitions: JSON {
        var members: [JSON.Member] = [
            .init(
                "filled",
                [
                    "type": "string", "pattern": "\\$\\{",
                    "description": "Filled in: ${params.x}, ${env.NAME}, ${secret.NAME}, ${station}.",
                ]
            ),
            .init("name", ["type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_-]{0,63}$"]),
            .init("text", ["type": ["string", "number", "boolean"]]),
            .init("any_value", true),
            .init("scalar", ["type": ["string", "number", "boolean", "null"]]),
            .init(
                "duration",
                Self.pattern(
                    "^((\\d[\\d_]*(\\.\\d+)?|\\.\\d+)(ns|us|µs|ms|s|m|h|d))+$",
                    "A time with its unit: 100ms, 1m30s."
                )
            ),
            .init("size", Self.pattern("^[\\d._]+(B|KiB|MiB|GiB|TiB|kB|MB|GB|TB)$", "Bytes with their unit: 64MiB.")),
            .init("rate", Self.pattern("^[\\d._]+(/s|Hz|kHz|MHz|/min|/h)$", "How often, with its unit: 30/s, 10kHz.")),
            .init("percentage", Self.pattern("^[\\d._]+%$", "A share: 0.1%.")),
            .init("address", Self.pattern("^.+:\\d{1,5}$", "A host and a port: 127.0.0.1:8080.")),
            .init("url", Self.pattern("^[A-Za-z][A-Za-z0-9+.-]*://\\S+$", "A URL.")),
            .init("param", object(Fields.of(ParamBlock.self))),
            .init(
                "params",
                [
                    "type": "object", "propertyNames": Self.reference("name"),
                    "additionalProperties": Self.reference("param"),
                ]
            ),
            .init("param_values", ["type": "object", "additionalProperties": Self.reference("scalar")]),
            .init("include", object(Fields.of(Include.self))),
            .init("includes", ["type": "array", "items": Self.reference("include")]),
            .init("link", object(Fields.of(LinkOptions.self))),
            .init("from", from),
            .init("test", object(Fields.of(GraphTest.self))),
            .init("tests", ["type": "array", "items": Self.reference("test")]),
            .init("limits", object(Fields.of(Limits.self))),
            .init("fault", object(Fields.of(Fault.self))),
            .init("expectation", object(Fields.of(Expectation.self))),
            .init("feed", object(Fields.of(Feed.self))),
            .init("feeds", ["type": "object", "additionalProperties": Self.reference("feed")]),
            .init(
                "stages",
                [
                    "type": "object", "propertyNames": Self.reference("name"),
                    "additionalProperties": Self.reference("stage"),
                ]
            ),
            .init("type", typeNames),
            .init("stage", stage),
        ]
        for type in catalogue.stages { members.append(.init("stage.\(type.name)", stage(of: type))) }
        return .object(members)
    }

    private var from: JSON {
        let links: JSON = [
            "type": "object",
            "minProperties": 1,
            "additionalProperties": ["anyOf": [Self.reference("link"), ["type": "null"]]],
        ]
        return [
            "anyOf": [
                ["type": "string", "minLength": 1],
                ["type": "array", "minItems": 1, "items": ["anyOf": [["type": "string", "minLength": 1], links]]],
                links,
            ]
        ]
    }

    /// `type: null` is the stage of that name, though YAML reads no text there.
    private var typeNames: JSON {
        var names = catalogue.names.map { JSON.string($0) }
        if catalogue["null"] != nil { names.append(.null) }
        return Self.orFilled(["enum": .array(names)])
    }

    private var stage: JSON {
        [
            "type": "object",
            "required": ["type"],
            "properties": ["type": Self.reference("type")],
            "allOf": .array(
                catalogue.stages.map { type in
                    let constant: JSON =
                        type.name == "null" ? ["enum": ["null", .null]] : ["const": .string(type.name)]
                    return [
                        "if": ["required": ["type"], "properties": ["type": constant]],
                        "then": Self.reference("stage.\(type.name)"),
                    ]
                }
            ),
        ]
    }

    private func stage(of type: StageType) -> JSON {
        let common = Fields.of(StageCommon.self).options.filter {
            $0.name != "type" && !(type.isSource && $0.name == "from")
        }
        return object(
            common + type.fields.options,
            description: type.info.summary,
            first: [JSON.Member("type", ["description": .string(type.info.summary)])]
        )
    }

    // MARK: Options

    private func object(_ fields: Fields, description: String? = nil) -> JSON {
        object(fields.options, description: description, first: [])
    }

    private func object(_ options: [OptionSpec], description: String?, first: [JSON.Member]) -> JSON {
        let required = options.filter(\.isRequired).map(\.name)
        return .compact([
            "type": "object",
            "description": description.map { .string($0) },
            "properties": .object(first + options.map { JSON.Member($0.name, schema(of: $0)) }),
            "required": required.isEmpty ? nil : .strings(required),
            "additionalProperties": false,
        ])
    }

    private func schema(of option: OptionSpec) -> JSON {
        var schema = value(option.kind, bounds: option.bounds)
        if schema == true { schema = [:] }
        schema["description"] = .string(option.summary + (option.bounds.map { " (\($0.text))" } ?? ""))
        if let text = option.defaultText, let value = defaultValue(text, option.kind) { schema["default"] = value }
        if option.deprecated != nil { schema["deprecated"] = true }
        return schema
    }

    private func defaultValue(_ text: String, _ kind: OptionKind) -> JSON? {
        switch kind {
        case .integer: Int(text).map { .integer($0) }
        case .number: Double(text).map { .number($0) }
        case .bool: .bool(text == "true")
        case .list, .map, .block, .secret, .part, .either: nil
        default: .string(text == "''" ? "" : text)
        }
    }

    private func value(_ kind: OptionKind, bounds: BoundsText? = nil) -> JSON {
        switch kind {
        case .integer: return Self.orFilled(Self.number("integer", bounds))
        case .number: return Self.orFilled(Self.number("number", bounds))
        case .bool: return Self.orFilled(["type": "boolean"])
        case .choice(let cases):
            return Self.orFilled([
                "enum": .strings(cases.map(\.name)),
                "markdownEnumDescriptions": .strings(cases.map(\.summary)),
            ])
        case .expression: return Self.reference("scalar")
        case .string, .path, .pattern, .secret: return Self.reference("text")
        case .text: return Self.reference("text")
        case .duration: return Self.orFilled(Self.reference("duration"))
        case .bytes: return Self.orFilled(Self.reference("size"))
        case .rate: return Self.orFilled(Self.reference("rate"))
        case .percentage: return Self.orFilled(Self.reference("percentage"))
        case .address: return Self.orFilled(Self.reference("address"))
        case .url: return Self.orFilled(Self.reference("url"))
        case .list(let element): return ["type": "array", "items": value(element)]
        case .map(let element): return ["type": "object", "additionalProperties": value(element)]
        case .block(let fields): return object(fields)
        case .either(let first, let second): return ["anyOf": [value(first), value(second)]]
        case .part(let name): return Self.reference(name)
        }
    }

    private static func number(_ type: String, _ bounds: BoundsText?) -> JSON {
        func limit(_ text: String?) -> JSON? {
            text.flatMap { Int($0).map { .integer($0) } ?? Double($0).map { .number($0) } }
        }
        return .compact([
            "type": .string(type),
            "minimum": limit(bounds?.lower),
            "maximum": bounds?.excludesUpper == true ? nil : limit(bounds?.upper),
            "exclusiveMaximum": bounds?.excludesUpper == true ? limit(bounds?.upper) : nil,
        ])
    }

    private static func orFilled(_ schema: JSON) -> JSON { ["anyOf": [schema, reference("filled")]] }

    private static func reference(_ name: String) -> JSON { ["$ref": .string("#/$defs/\(name)")] }

    private static func pattern(_ pattern: String, _ description: String) -> JSON {
        ["type": "string", "pattern": .string(pattern), "description": .string(description)]
    }
}
