import Glibc
import PipeKit

/// The options of a stage as lines of YAML, some of which a trial puts in the place of others.
struct OptionText {
    private var parts: [(name: String, lines: [Substring])] = []

    var text: String { parts.flatMap(\.lines).joined(separator: "\n") }

    init(_ text: String) {
        for line in text.split(separator: "\n") {
            if line.hasPrefix(" "), let last = parts.indices.last {
                parts[last].lines.append(line)
            } else {
                parts.append((String(line.prefix { $0 != ":" }), [line]))
            }
        }
    }

    /// The example of a type, with files that a test can have.
    init(example type: StageType) {
        self.init(type.info.example)
        parts.removeAll { $0.name == "from" }
        let stated = Set(parts.map(\.name))
        // What the example leaves out stays out: not every file of JSON is a certificate.
        for option in type.fields.options where option.isRequired || stated.contains(option.name) {
            switch option.kind {
            case .path(.readsFile): set(option.name, "\"\(Fixture.path)\"")
            case .path(.writesFile), .path(.writesDirectory): set(option.name, "/contract/\(option.name)")
            default: break
            }
        }
    }

    mutating func set(_ name: String, _ value: String) {
        let line = Substring("\(name): \(value)")
        if let place = parts.firstIndex(where: { $0.name == name }) {
            parts[place].lines = [line]
        } else {
            parts.append((name, [line]))
        }
    }

    /// For a second copy of a stage: what it writes is another file.
    func apart(_ type: StageType) -> OptionText {
        var other = self
        for option in type.fields.options {
            switch option.kind {
            case .path(.writesFile), .path(.writesDirectory):
                other.set(option.name, "/contract/other/\(option.name)")
            default: break
            }
        }
        return other
    }
}

extension OptionSpec {
    /// The values of a choice or a switch besides its default.
    var otherValues: [String] {
        let values: [String] =
            switch kind {
            case .bool: ["true", "false"]
            case .choice(let cases): cases.map(\.name)
            default: []
            }
        return values.filter { $0 != defaultText }
    }
}

/// A file with lines of JSON for stages that read one. It has no name any more, so that it goes with the process.
enum Fixture {
    static let path: String = {
        var template = Array("/tmp/pipe-contract-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        precondition(descriptor >= 0, "no file can be made in /tmp")
        unlink(template)
        for number in 0..<Trial.usual {
            let line = Array("{\"sequence\":\(number)}\n".utf8)
            precondition(write(descriptor, line, line.count) == line.count, "nothing can be written to /tmp")
        }
        return "/proc/self/fd/\(descriptor)"
    }()
}
