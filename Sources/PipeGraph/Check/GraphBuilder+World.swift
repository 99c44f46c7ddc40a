import PipeKit

/// Who wants something of the world for itself.
enum Claimant: Equatable {
    case stage(Int)
    /// The graph's own page.
    case page
}

/// What only one stage can have: a file to write, an address to listen on.
extension GraphBuilder {
    mutating func claimWorld(_ who: Claimant, _ claims: [WorldClaim]) {
        for claim in claims {
            switch claim.thing {
            case .reading(let path):
                if claimed[claim.thing] == nil { claimed[claim.thing] = (who, claim.place) }
                if let writer = claimed[.path(path)] { reportReadAndWritten(path, claim.place, who, writer) }
            case .path(let path):
                if let reader = claimed[.reading(path)] { reportReadAndWritten(path, claim.place, who, reader) }
                guard let first = claimed[claim.thing] else {
                    claimed[claim.thing] = (who, claim.place)
                    continue
                }
                reportSame(.samePath, "write '\(path)'", claim.place, who, first.who, first.place)
            case .page(let path):
                guard let first = claimed[claim.thing] else {
                    claimed[claim.thing] = (who, claim.place)
                    continue
                }
                reportSame(.samePath, "serve '\(path)'", claim.place, who, first.who, first.place)
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
                        who,
                        first.who,
                        first.place
                    )
                } else {
                    claimedPorts[address.port, default: []].append((address.host, who, claim.place))
                }
            }
        }
    }

    private func name(_ who: Claimant) -> String {
        switch who {
        case .stage(let index): "'\(graph.stages[index].name)'"
        case .page: "the graph's page ('web')"
        }
    }

    private func reportReadAndWritten(
        _ path: String,
        _ place: Place,
        _ who: Claimant,
        _ first: (who: Claimant, place: Place)
    ) {
        reader.diagnostics.error(
            .samePath,
            at: place,
            "\(name(first.who)) and \(name(who)) read and write one file, '\(path)'",
            hint: "write to another file",
            notes: [.init("first used here", at: first.place)]
        )
    }

    private func reportSame(
        _ code: DiagnosticCode,
        _ what: String,
        _ place: Place,
        _ who: Claimant,
        _ other: Claimant,
        _ first: Place
    ) {
        let message =
            who == other
            ? "two stations of \(name(who)) \(what)" : "\(name(other)) and \(name(who)) both \(what)"
        reader.diagnostics.error(
            code,
            at: place,
            message,
            hint: who == other ? "put ${station} where they must differ" : "give each its own",
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
            case .page(let path): (code, what) = (.samePath, "serves '\(path)'")
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
