import Glibc

@main
enum Main {
    // One call into a plain function: what stands here is bound to the main actor, and C callbacks must not be.
    static func main() { exit(runPipe(Array(CommandLine.arguments.dropFirst())).rawValue) }
}

/// Runs the command that the words name.
func runPipe(_ words: [String]) -> ExitCode {
    // A reader that goes away (`pipe stages | head -1`) ends the writing, not the process without a word.
    signal(SIGPIPE, SIG_IGN)
    do throws(UsageError) {
        return try CommandParser(root: .pipe).run(words)
    } catch {
        Terminal.complain("error: \(error.message)")
        if let hint = error.hint { Terminal.complain("  help: \(hint)") }
        return error.code
    }
}
