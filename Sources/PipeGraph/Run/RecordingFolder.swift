public import PipeCore
import PipeKit

/// A recorded run on disk: `manifest.json` says of which graph, with which params and seed; `graph-N.yaml` are its files;
/// `entries.rec` is what was written down.
public struct RecordingFolder: Sendable {
    public let path: String

    public init(_ path: String) { self.path = path }

    public struct Manifest: Sendable {
        /// The graph's file, as it was named.
        public var graph: String
        public var params: [(name: String, value: String)]
        public var seed: UInt64
        public var epoch: Double
        /// The texts of the graph and of what it includes, by path.
        public var texts: [String: [UInt8]]

        public init(
            graph: String,
            params: [(name: String, value: String)],
            seed: UInt64,
            epoch: Double,
            texts: [String: [UInt8]]
        ) {
            (self.graph, self.params, self.seed, self.epoch, self.texts) = (graph, params, seed, epoch, texts)
        }
    }

    private static let version = 1
    /// Larger ones are not read into memory.
    private static let mostBytes = 4 << 30

    // MARK: Writing

    /// Begins a recording; the folder must be empty, or not there.
    public func begin(_ manifest: Manifest, version: String) throws -> any AppendableFile {
        let files = DiskFiles()
        guard try files.list(path).isEmpty else { throw StageError("'\(path)' is not empty") }
        var names: [JSON] = []
        for (number, (name, text)) in manifest.texts.sorted(by: { $0.key < $1.key }).enumerated() {
            let copy = "graph-\(number + 1).yaml"
            try write(text, to: copy, files)
            names.append(["path": .string(name), "copy": .string(copy)])
        }
        let json: JSON = [
            "recording": .integer(Self.version),
            "pipe": .string(version),
            "graph": .string(manifest.graph),
            "params": .array(manifest.params.map { ["name": .string($0.name), "value": .string($0.value)] }),
            "seed": .string(String(manifest.seed)),
            "epoch": .number(manifest.epoch),
            "files": .array(names),
        ]
        try write(Array((json.text(pretty: true) + "\n").utf8), to: "manifest.json", files)
        return try files.open("\(path)/entries.rec", .exclusive)
    }

    private func write(_ bytes: [UInt8], to name: String, _ files: DiskFiles) throws {
        let file = try files.open("\(path)/\(name)", .fresh)
        try file.append(bytes)
        try file.close()
    }

    // MARK: Reading

    public func manifest() throws -> Manifest {
        let json = try JSON(parsing: read("manifest.json"))
        guard json["recording"] == .integer(Self.version) else {
            throw StageError("'\(path)' was recorded by another version of pipe", hint: "replay it with that one")
        }
        guard let graph = json["graph"]?.string, let seed = json["seed"]?.string.flatMap({ UInt64($0) }),
            let epoch = json["epoch"]?.double, case .array(let params)? = json["params"],
            case .array(let names)? = json["files"]
        else { throw StageError("'\(path)/manifest.json' is damaged") }
        var texts: [String: [UInt8]] = [:]
        for entry in names {
            guard let name = entry["path"]?.string, let copy = entry["copy"]?.string, !copy.contains("/") else {
                throw StageError("'\(path)/manifest.json' is damaged")
            }
            texts[name] = try read(copy)
        }
        return Manifest(
            graph: graph,
            params: params.compactMap { param in
                param["name"]?.string.flatMap { name in param["value"]?.string.map { (name, $0) } }
            },
            seed: seed,
            epoch: epoch,
            texts: texts
        )
    }

    public func entries() throws -> [UInt8] { try read("entries.rec") }

    private func read(_ name: String) throws -> [UInt8] {
        do throws(FileLoader.Failure) {
            return try FileLoader.bytes(of: "\(path)/\(name)", atMost: Self.mostBytes)
        } catch {
            throw StageError(
                "'\(path)/\(name)': \(error.message)",
                hint: "is it a folder that 'pipe run --record' wrote?"
            )
        }
    }
}

extension Graph {
    /// Stage copies whose items a recording must hold, by their place in the plan.
    public var recordedSources: Set<Int> {
        var place = 0
        var found: Set<Int> = []
        for stage in stages {
            let copies = max(1, stage.stations.count)
            if stage.type.isSource, !stage.type.info.traits.contains(.repeats) {
                found.formUnion(place..<(place + copies))
            }
            place += copies
        }
        return found
    }

    /// A stage with which a run cannot be recorded.
    public var unrecordable: GraphStage? { stages.first { $0.type.info.traits.contains(.heedsWorld) } }
}
