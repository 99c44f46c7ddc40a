import PipeKit

/// What only one stage can have: a file to write, an address to listen on.
extension GraphBuilder {
    mutating func claimWorld(_ stage: Int) {
        for claim in reader.worldClaims {
            switch claim.thing {
            case .reading(let path):
                if claimed[claim.thing] == nil { claimed[claim.thing] = (stage, claim.place) }
                if let writer = claimed[.path(path)] { reportReadAndWritten(path, claim.place, stage, writer) }
            case .path(let path):
                if let reader = claimed[.reading(path)] { reportReadAndWritten(path, claim.place, stage, reader) }
                guard let first = claimed[claim.thing] else {
                    claimed[claim.thing] = (stage, claim.place)
                    continue
                }
                reportSame(.samePath, "write '\(path)'", claim.place, stage, first.stage, first.place)
            case .address(let address):
                guard address.port != 0 else { continue }
                let everywhere: Set = ["0.0.0.0", "::"]
                let first = claimedPorts[address.port]?.first { other in
                    other.host == address.host || everywhere.contains(other.host) || everywhere.contains(address.host)
                }
                if let first {
                    reportSame(
                        .sameAddress,
                        "listen on \(address.written)",
                        claim.place,
                        stage,
                        first.stage,
                        first.place
                    )
                } else {
                    claimedPorts[address.port, default: []].append((address.host, stage, claim.place))
                }
            }
        }
    }

    private func reportReadAndWritten(
        _ path: String,
        _ place: Place,
        _ stage: Int,
        _ first: (stage: Int, place: Place)
    ) {
        reader.diagnostics.error(
            .samePath,
            at: place,
            "'\(graph.stages[first.stage].name)' and '\(graph.stages[stage].name)' read and write one file, '\(path)'",
            hint: "write to another file",
            notes: [.init("first used here", at: first.place)]
        )
    }

    private func reportSame(
        _ code: DiagnosticCode,
        _ what: String,
        _ place: Place,
        _ stage: Int,
        _ other: Int,
        _ first: Place
    ) {
        let name = graph.stages[stage].name
        let message =
            stage == other
            ? "two stations of '\(name)' \(what)" : "'\(graph.stages[other].name)' and '\(name)' both \(what)"
        reader.diagnostics.error(
            code,
            at: place,
            message,
            hint: stage == other ? "put ${station} where they must differ" : "give each its own",
            notes: place == first ? [] : [.init("first used here", at: first)]
        )
    }

    func reportShared(_ index: Int, by count: Int, _ copies: String) {
        let stage = graph.stages[index]
        for claim in reader.worldClaims {
            let (code, what): (DiagnosticCode, String)
            switch claim.thing {
            case .path(let path): (code, what) = (.samePath, "writes '\(path)'")
            case .address(let address) where address.port != 0:
                (code, what) = (.sameAddress, "listens on \(address.written)")
            case .address, .reading: continue
            }
            reader.diagnostics.error(
                code,
                at: claim.place,
                "each of the \(count) \(copies) of '\(stage.name)' \(what)",
                hint: copies == "stations"
                    ? "put ${station} into it, or gather the stations before with a stage such as merge"
                    : "remove 'replicas'"
            )
        }
    }
}
