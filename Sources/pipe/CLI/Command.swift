/// What a command of pipe is: the one declaration that parsing, help, completion and did-you-mean are made of.
struct Command: Sendable {
    var name: String
    var summary: String
    var details = ""
    var operands: [Operand] = []
    var flags: [Flag] = []
    var examples: [(command: String, does: String)] = []
    var subcommands: [Command] = []
    var run: @Sendable (Arguments) throws(UsageError) -> ExitCode = { _ in .success }
}

/// A word that a command takes by its position.
struct Operand: Sendable {
    enum Count: Sendable { case one, optional, several, any }

    var name: String
    var summary: String
    var count = Count.one
    var completes = Completes.nothing
}

/// A word that begins with `--`.
struct Flag: Sendable {
    var name: String
    var short: Character?
    /// What its value is called; nil where it takes none.
    var value: String?
    var summary: String
    var choices: [String] = []
    var repeats = false
    var completes = Completes.nothing
}

/// What a shell offers for a word.
enum Completes: Sendable {
    case nothing, graphs, files, directories, stageTypes, codes, commands
}

/// The promised exit codes; docs/cli.md lists them.
enum ExitCode: Int32 {
    case success = 0
    /// Something failed that was not wrong before it began.
    case failed = 1
    /// The graph is wrong.
    case wrongGraph = 2
    /// The run broke one of the graph's limits.
    case limitsBroken = 3
    /// The command line is wrong.
    case usage = 64
}

/// Why a command cannot go on, most often since its command line is wrong.
struct UsageError: Error {
    var message: String
    var hint: String?
    /// What pipe ends with.
    var code = ExitCode.usage
}

/// The words of a command line, sorted out.
struct Arguments: Sendable {
    /// Names of the commands that led here: `["new", "graph"]`.
    var path: [String] = []
    var operands: [String] = []
    var flags: Set<String> = []
    var values: [String: [String]] = [:]

    func has(_ flag: String) -> Bool { flags.contains(flag) }
    func value(_ flag: String) -> String? { values[flag]?.last }
}
