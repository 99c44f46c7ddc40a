public import PipeKit

/// What every stage must show, whatever it does: that it ends, that its books add up, that it does the same in any
/// weather. A plugin's tests call it once, and each of its stages, also one that is added later, is covered:
///
///     @Test(arguments: Contract.cases(of: .basics))
///     func `the stages keep the contract`(_ test: Contract.Case) throws {
///         let problems = try test.problems()
///         #expect(problems.isEmpty, "\(problems.joined(separator: "\n"))")
///     }
///
/// A stage is tried with the options of its card's example, and once for each other value of an option that is a choice
/// or a switch. What is fed comes from the ports: documents have a number under each word of the example, so that its
/// expressions find what they name; a file that is read holds lines of such documents.
public enum Contract {
    /// Everything that is asked of a stage.
    public static let behaviours: [Behaviour] =
        Behaviour.endings + Behaviour.flow + Behaviour.items + Behaviour.failures + Behaviour.world

    /// One stage and one behaviour.
    public struct Case: Sendable, CustomStringConvertible {
        let trial: Trial
        let behaviour: Behaviour
        let exemption: Exemption?

        public var description: String { "\(trial.name): \(behaviour.name)" }

        /// What is wrong, in sentences. An exemption that is not needed is wrong too.
        public func problems() throws -> [String] {
            var findings = Findings()
            try behaviour.check(trial, &findings)
            guard let exemption else { return findings.problems.map { "\($0) (\(behaviour.reason))" } }
            return findings.problems.isEmpty ? ["it does, so it needs no exemption because \(exemption.reason)"] : []
        }
    }

    /// A behaviour that a stage cannot show, and why. The stage is a type's name, or a case's: `batch with per_key: true`.
    public struct Exemption: Sendable {
        let stage: String
        let behaviour: String
        let reason: String

        public init(_ stage: String, _ behaviour: String, because reason: String) {
            precondition(behaviours.contains { $0.name == behaviour }, "there is no behaviour '\(behaviour)'")
            self.stage = stage
            self.behaviour = behaviour
            self.reason = reason
        }
    }

    /// All cases of the stages of a plugin. `options` stand in the place of those of an example, by stage and name: a
    /// directory or an address that every machine has.
    public static func cases(
        of plugin: Plugin,
        with options: [String: [String: String]] = [:],
        except exemptions: [Exemption] = []
    ) -> [Case] {
        plugin.stages.flatMap { type in
            Trial.all(of: type, with: options[type.name] ?? [:]).flatMap { trial in
                behaviours.filter { $0.isAbout(trial) }.map { behaviour in
                    let exemption = exemptions.first {
                        [type.name, trial.name].contains($0.stage) && $0.behaviour == behaviour.name
                    }
                    return Case(trial: trial, behaviour: behaviour, exemption: exemption)
                }
            }
        }
    }
}

/// One thing that a stage must show.
public struct Behaviour: Sendable {
    /// What it shows, as a sentence without its subject.
    public let name: String
    /// Why that matters to who runs a graph.
    public let reason: String
    let isAbout: @Sendable (Trial) -> Bool
    let check: @Sendable (Trial, inout Findings) throws -> Void

    init(
        _ name: String,
        because reason: String,
        for isAbout: @escaping @Sendable (Trial) -> Bool = { _ in true },
        _ check: @escaping @Sendable (Trial, inout Findings) throws -> Void
    ) {
        self.name = name
        self.reason = reason
        self.isAbout = isAbout
        self.check = check
    }

    static let consumers: @Sendable (Trial) -> Bool = { !$0.type.isSource }
    static let senders: @Sendable (Trial) -> Bool = { !$0.type.outputs.isEmpty }
    static let transforms: @Sendable (Trial) -> Bool = { consumers($0) && senders($0) }
    static let gatherers: @Sendable (Trial) -> Bool = { $0.type.inputs.count > 1 }
}
