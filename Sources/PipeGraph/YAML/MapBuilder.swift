import PipeKit

/// Collects the entries of a mapping: finds keys that stand twice, and takes in `<<: *defaults`.
struct MapBuilder {
    private var entries: [Node.Entry] = []
    private var keys: [String: Int] = [:]
    private var merges: [(node: Node, place: Place)] = []
    private var key: Node?

    /// Takes a key, then its value, then the next key.
    mutating func add(_ node: Node, at place: Place, _ diagnostics: inout Diagnostics) throws(YAMLError) {
        guard let key else {
            guard case .scalar = node.content else {
                throw YAMLError(
                    .wrongShape,
                    at: node.place,
                    "a key is text, not \(node.described)",
                    help: "put a value that starts with '{' or '[' in quotes, such as '${params.x}'"
                )
            }
            self.key = node
            return
        }
        self.key = nil
        guard case .scalar(let name, let style) = key.content else { return }
        var node = node
        if case .scalar("", .plain) = node.content, node.place.line > key.place.line {
            // Nothing has no place of its own: it is missing behind its key.
            node.place = key.place.part(from: Int(key.place.length), length: 1)
        }
        if name == "<<", style == .plain {
            merges.append((node, place))
        } else if let first = keys[name] {
            diagnostics.error(
                .duplicateKey,
                at: key.place,
                "'\(shortened(name))' stands here a second time",
                hint: "remove one of the two",
                notes: [.init("first defined here", at: entries[first].keyPlace)]
            )
        } else {
            keys[name] = entries.count
            entries.append(Node.Entry(key: name, keyPlace: key.place, value: node))
        }
    }

    /// The entries, with those merged in behind them. What is stated wins over what is merged, and an earlier merge
    /// over a later one.
    consuming func finish(_ diagnostics: inout Diagnostics) -> [Node.Entry] {
        for (merge, place) in merges {
            switch merge.content {
            case .map(let merged): take(merged)
            case .list(let nodes):
                let mappings = nodes.compactMap { if case .map(let entries) = $0.content { entries } else { nil } }
                if mappings.count == nodes.count {
                    mappings.forEach { take($0) }
                } else if merge.place != place {
                    report(merge, place, &diagnostics)  // an alias to a list that is none of mappings
                } else {
                    for node in nodes {
                        if case .map = node.content { continue }
                        report(node, node.place, &diagnostics)
                    }
                }
            case .scalar: report(merge, place, &diagnostics)
            }
        }
        return entries
    }

    private mutating func take(_ merged: [Node.Entry]) {
        for entry in merged where keys[entry.key] == nil {
            keys[entry.key] = entries.count
            entries.append(entry)
        }
    }

    private func report(_ node: Node, _ place: Place, _ diagnostics: inout Diagnostics) {
        diagnostics.error(
            .badMerge,
            at: place,
            "'<<' merges mappings, and this is \(node.described)",
            hint: "write '<<: *name' where '&name' marks a mapping"
        )
    }
}
