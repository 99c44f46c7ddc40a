import PipeCore
import PipeGraph
import PipeKit

extension Graph {
    /// What a page draws: stages and links by the names that the numbers have. No option of a stage is in it, so no secret.
    func described(takesOrders: Bool) -> JSON {
        [
            "name": .string(name),
            "description": .string(description ?? ""),
            "takes_orders": .bool(takesOrders),
            "stages": .array(stages.map(\.described)),
            "links": .array(
                links.map { link in
                    let plain = LinkPolicy()
                    return .compact([
                        "name": .string(describe(link)),
                        "from": .string(stages[link.from.stage].name),
                        "output": .string(stages[link.from.stage].outputs[link.from.port].name),
                        "to": .string(stages[link.to.stage].name),
                        "payload": .string(link.payload.name),
                        "capacity": .integer(link.policy.capacity),
                        "when_full": .string(link.policy.whenFull.rawValue),
                        "may_drop": .bool(link.policy.mayDrop),
                        "max_age": link.policy.maxAge.map { .string($0.text) },
                        "rate": link.policy.rate.map { .string("\($0)") },
                        "skip_frames": link.policy.skipFrames == plain.skipFrames
                            ? nil : .integer(link.policy.skipFrames),
                    ])
                }
            ),
        ]
    }
}

extension GraphStage {
    fileprivate var described: JSON {
        .compact([
            "name": .string(name),
            "type": .string(type.name),
            "kind": .string(type.isSource ? "source" : type.isSink ? "sink" : "transform"),
            "description": .string(description ?? type.info.summary),
            "stations": stations.isEmpty ? nil : .strings(stations),
            "replicas": replicas > 1 ? .integer(replicas) : nil,
        ])
    }
}
