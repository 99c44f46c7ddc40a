import PipeCore
import PipeKit
import PipeTesting
import Synchronization
import Testing

/// Passes on what it gets, with a flaw that somebody could write.
private struct Flawed: Consumer {
    static let info = StageInfo("flawed", "Passes items, and does something wrong.", example: "from: camera")

    @Input("What comes.") var items: Receiver<AnyPayload>
    @Output("The same.", like: "items") var passed: Sender<AnyPayload>

    @Option("What it does wrong.") var flaw = Flaw.none

    enum Flaw: String, Choice {
        case none, forgets, shares, gambles, hurries, hoards, polls, reverses, leaks, redates, lingers

        var summary: String { "A flaw." }
    }

    private static let shared = Mutex<(count: Int, items: [Item<AnyPayload>])>((0, []))
    private var kept: [Item<AnyPayload>] = []
    private var last = Instant.zero
    private var seen = 0

    mutating func start(_ context: StageContext) {
        if flaw == .polls { context.wake(after: .milliseconds(10)) }
    }

    mutating func process(_ item: consuming Item<AnyPayload>, _ context: StageContext) {
        var item = item
        seen += 1
        switch flaw {
        case .none, .polls, .lingers: passed.send(item)
        case .forgets where seen < 5, .hoards, .reverses:
            context.keep()
            kept.append(item)
        case .forgets: passed.send(item)
        case .shares:
            if Self.shared.withLock({
                $0.count += 1; return $0.count % 3
            }) != 0 {
                passed.send(item)
            }
        case .gambles:
            if Bool.random() { passed.send(item) }
        case .hurries:
            if seen == 1 || context.now - last > .microseconds(100) { passed.send(item) }
            last = context.now
        case .leaks:
            Self.shared.withLock { $0.items.append(item) }
            passed.send(item)
        case .redates:
            item.header.captured = context.now
            passed.send(item)
        }
    }

    mutating func wake(_ context: StageContext) {
        if flaw == .polls { context.wake(after: .milliseconds(10)) }
    }

    mutating func finish(_ context: StageContext) {
        if flaw == .lingers { context.wake(after: .seconds(1)) }
        guard flaw == .hoards || flaw == .reverses else { return }
        context.release(kept.count)
        for item in flaw == .hoards ? kept : kept.reversed() { passed.send(item) }
        kept = []
    }
}

/// The contract is itself held to what it promises: it passes what is right, and catches what is wrong.
struct ContractTests {
    private static let cases = Contract.cases(
        of: Plugin("Test", "For this test.", stages: [Flawed.self])
    )

    private func problems(of flaw: String, in behaviour: String? = nil) throws -> [String] {
        let name = flaw == "none" ? "flawed:" : "flawed with flaw: \(flaw):"
        let cases = Self.cases.filter { $0.description.hasPrefix(name) }
        try #require(cases.count > 30)
        return try cases.filter { behaviour.map($0.description.hasSuffix) ?? true }.flatMap { try $0.problems() }
    }

    @Test func `a stage without a flaw keeps it`() throws {
        #expect(try problems(of: "none") == [])
    }

    @Test(arguments: [
        ("forgets", "ends, with every item accounted for"),
        ("shares", "shares nothing with another stage of its type"),
        ("gambles", "does the same in two runs of one seed"),
        ("hurries", "does the same one at a time as all at once"),
        ("hoards", "bounds what it holds"),
        ("polls", "does nothing while nothing comes"),
        ("reverses", "keeps the order of a key"),
        ("leaks", "lets go of every payload at its end"),
        ("redates", "passes on the time of capture"),
    ])
    func `a flaw is caught by the behaviour that is about it`(flaw: String, behaviour: String) throws {
        #expect(try !problems(of: flaw, in: behaviour).isEmpty)
    }

    @Test func `each behaviour is a sentence with a reason, and told once`() {
        let behaviours = Contract.behaviours
        #expect(behaviours.count >= 30)
        #expect(Set(behaviours.map(\.name)).count == behaviours.count)
        for behaviour in behaviours { #expect(!behaviour.reason.isEmpty && behaviour.name.first?.isLowercase == true) }
    }

    @Test func `an exemption holds for its stage and its behaviour, and is wrong where it is not needed`() throws {
        let name = "bounds what it holds"
        let exempt = Contract.cases(
            of: Plugin("Test", "For this test.", stages: [Flawed.self]),
            except: [.init("flawed", name, because: "it is a test")]
        ).filter { $0.description.hasSuffix(name) }
        let (needed, idle) = (exempt.first { $0.description.contains("hoards") }, exempt.first)
        #expect(try #require(needed).problems() == [])
        #expect(try #require(idle).problems() == ["it does, so it needs no exemption because it is a test"])
    }
}
