import Synchronization

/// How a graph that runs becomes another with other stations: the plan that begins with all there was, and what of that
/// comes to its end.
struct PlanChange {
    private(set) var plan: Plan
    /// Where the stage copies of the new graph stand in the plan, by name. Copies of that name that were taken out before are
    /// others.
    private(set) var places: [String: Int] = [:]
    private(set) var endedSources: [Int] = []
    /// Links from what stays to what goes.
    private(set) var endedLinks: [Int] = []

    init(from old: Plan, _ oldPlaces: [String: Int], isOver: (Int) -> Bool, to new: Plan) throws {
        plan = old
        let names = Set(old.stages.map(\.name))
        for stage in new.stages {
            if let place = oldPlaces[stage.fullName] {
                places[stage.fullName] = place
                continue
            }
            guard names.contains(stage.name), !stage.station.isEmpty else {
                throw StageError("'\(stage.fullName)' is not in the graph that runs", hint: "start the run anew")
            }
            places[stage.fullName] = plan.stages.count
            plan.stages.append(stage)
        }
        for (name, index) in oldPlaces where places[name] == nil {
            guard !old.stages[index].station.isEmpty else {
                throw StageError("'\(name)' is not in the new graph", hint: "start the run anew")
            }
        }
        for var link in new.links {
            guard let from = places[new.stages[link.from.stage].fullName],
                let to = places[new.stages[link.to.stage].fullName],
                from >= old.stages.count || to >= old.stages.count
            else { continue }
            guard to >= old.stages.count || !isOver(to) else {
                throw StageError("'\(plan.stages[to].fullName)' has ended already", hint: "start the run anew")
            }
            (link.from.stage, link.to.stage) = (from, to)
            plan.links.append(link)
        }
        let going = Set(oldPlaces.filter { places[$0.key] == nil }.values)
        endedSources = going.filter { old.stages[$0].isSource }.sorted()
        endedLinks = old.links.indices.filter { index in
            going.contains(old.links[index].to.stage) && !going.contains(old.links[index].from.stage)
        }
    }
}

/// What becomes of a stage's links while it runs.
enum LinkChange {
    case take(Link, port: Int, sender: Int)
    case send(Link, port: Int)
    case sendNoMore(Link, port: Int)
}

/// Changes that wait until their stage is stepped.
final class ChangeQueue: @unchecked Sendable {  // guarded by `lock`
    private let lock = Lock()
    private var changes: [LinkChange] = []
    private let areThere = Atomic<Bool>(false)

    var areWaiting: Bool { areThere.load(ordering: .acquiring) }

    func add(_ change: LinkChange) {
        lock.locked {
            changes.append(change)
            areThere.store(true, ordering: .releasing)
        }
    }

    /// Does what can be done; the rest waits on.
    func apply(_ isDone: (LinkChange) -> Bool) {
        lock.locked {
            changes.removeAll(where: isDone)
            areThere.store(!changes.isEmpty, ordering: .releasing)
        }
    }
}

extension Node {
    /// Changes a link of the stage when it is next stepped.
    func change(_ change: LinkChange) {
        changes.add(change)
        notify()
    }

    /// Before anything else in a step, also in that of a stage that has ended.
    func applyToInputs() {
        changes.apply { change in
            switch change {
            case .take(let link, let port, let sender):
                if phase == .closed || phase == .closing {
                    _ = link.discard(.failed, forGood: true)
                } else {
                    connect(link, port: port, sender: sender)
                    endedInputs.remove(port)
                }
                return true
            case .send(let link, _):
                guard phase == .closed else { return false }
                link.close()
                link.notifyTakers()
                return true
            case .sendNoMore: return phase == .closed
            }
        }
    }

    /// When nothing waits to be sent.
    func applyToOutputs() {
        changes.apply { change in
            switch change {
            case .take: return false
            case .send(let link, let port):
                return relink(port) { links, sent in
                    link.begin(after: sent)
                    links.append(link)
                }
            case .sendNoMore(let link, let port):
                return relink(port) { links, sent in
                    links.removeAll { $0 === link }
                    link.cut(after: sent)
                }
            }
        }
    }

    private func relink(_ port: Int, _ change: (inout [Link], _ sent: Int) -> Void) -> Bool {
        if let ordering { return ordering.relink(port, change) }
        let sent = outboxes[port].sent
        outboxes[port].relink { change(&$0, sent) }
        return true
    }
}
