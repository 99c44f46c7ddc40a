import PipeCore
import PipeKit

/// The stages of a graph and of all that it includes, before their names are resolved.
struct Draft {
    final class Stage {
        /// The name in the whole graph, with the prefixes of the files it came through.
        let name: String
        let place: Place
        let entries: [Node.Entry]
        let scope: Scope
        /// The prefixes under which a name in this file may be found, the nearest first.
        let prefixes: [String]
        var common: StageCommon?
        /// What stands under 'from', or under a name that was meant for it.
        var from: Node?
        /// Nil where the type is unknown: what depends on it is not checked further.
        var type: StageType?

        init(name: String, place: Place, entries: [Node.Entry], scope: Scope, prefixes: [String]) {
            (self.name, self.place, self.entries) = (name, place, entries)
            (self.scope, self.prefixes) = (scope, prefixes)
        }
    }

    var stages: [Stage] = []
    var index: [String: Int] = [:]
    /// One for each file, the graph's own first.
    var scopes: [Scope] = []

    /// The stage that a name means in a file; nil where there is none.
    func stage(named name: String, seenFrom stage: Stage) -> Int? {
        for prefix in stage.prefixes {
            if let found = index[prefix + name] { return found }
        }
        return nil
    }

    /// The names that may be written in a file.
    func names(seenFrom stage: Stage) -> [String] {
        let nearest = stage.prefixes.first ?? ""
        return stages.map { other in
            !nearest.isEmpty && other.name.hasPrefix(nearest) ? String(other.name.dropFirst(nearest.count)) : other.name
        }
    }
}
