public import PipeCore
import PipeKit

extension Graph {
    /// The graph as the engine runs it: a copy of each stage for each of its stations, and the links between them.
    public var plan: Plan {
        var plan = Plan()
        plan.memory = limits.memory?.bytes
        var first: [Int] = []
        for stage in stages {
            first.append(plan.stages.count)
            let names = stage.stations.isEmpty ? [""] : stage.stations
            for (station, name) in names.enumerated() { plan.stages.append(stage.plan(station: station, named: name)) }
        }
        for link in links {
            let name = describe(link)
            let (from, to) = (stages[link.from.stage], stages[link.to.stage])
            for (sender, taker) in copies(from.stations, to.stations) {
                let station =
                    from.stations.isEmpty ? to.stations.isEmpty ? "" : to.stations[taker] : from.stations[sender]
                plan.links.append(
                    LinkPlan(
                        name: name,
                        station: station,
                        from: .init(stage: first[link.from.stage] + sender, port: link.from.port),
                        to: .init(stage: first[link.to.stage] + taker, port: link.to.port),
                        policy: link.policy
                    )
                )
            }
        }
        return plan
    }

    /// Which copies a link joins: each with its own where both have the same stations, all with all otherwise.
    private func copies(_ senders: [String], _ takers: [String]) -> [(Int, Int)] {
        if !senders.isEmpty, senders == takers { return senders.indices.map { ($0, $0) } }
        return (0..<max(1, senders.count)).flatMap { sender in
            (0..<max(1, takers.count)).map { (sender, $0) }
        }
    }
}

extension GraphStage {
    fileprivate func plan(station: Int, named name: String) -> StagePlan {
        let (type, values) = (type, values(station: station))
        return StagePlan(
            name: self.name,
            station: name,
            isSource: type.isSource,
            inputs: inputs.count,
            outputs: outputs.count,
            replicas: replicas,
            onError: onError,
            restart: restart.map { RestartPlan(max: $0.max, per: $0.per, backoff: $0.backoff) },
            expectItemWithin: expectItemWithin,
            awaitsPartners: type.awaitsPartners,
            make: { type.body(values, $0) }
        )
    }
}
