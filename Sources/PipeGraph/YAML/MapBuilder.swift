import PipeKit

/// Collects the entries of a mapping: finds keys that stand twice, and takes in `<<: *defaults`.
struct MapBuilder {
    private var entries: [Node.Entry] = []
    private var keys: [String: Int] = [:]
    private var merges: [Node] = []
    private var key: Node?

    /// Takes a key, then its value, then the next key.
    mutating func add(_ node: Node, _ diagnostics: inout Diagnostics) throws(YAMLError) {
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
        if name == "<<", style == .plain {
            merges.append(node)
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
        for merge in merges {
            switch merge.content {
            case .map(let merged): take(merged)
            case .list(let nodes):
                for node in nodes {
                    if case .map(let merged) = node.content { take(merged) } else { report(node, &diagnostics) }
                }
            case .scalar: report(merge, &diagnostics)
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

    private func report(_ node: Node, _ diagnostics: inout Diagnostics) {
        diagnostics.error(
            .badMerge,
            at: node.place,
            "'<<' merges mappings, and this is \(node.described)",
            hint: "write '<<: *name' where '&name' marks a mapping"
        )
    }
}
