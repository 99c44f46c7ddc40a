import PipeKit
import Testing

@testable import pipe

struct CommandLineTests {
    private func parse(_ words: [String]) throws(UsageError) -> ExitCode { try CommandParser(root: .pipe).run(words) }

    @Test(arguments: [
        (["validat", "x"], "there is no command 'validat'", "did you mean 'validate'?"),
        (["lint"], "there is no command 'lint'", "did you mean 'validate'?"),
        (["validate", "--ofline", "x"], "'pipe validate' has no flag '--ofline'", "did you mean '--offline'?"),
        (
            ["validate"], "GRAPH is missing: The file of a graph; '-' is standard input.",
            "usage: pipe validate GRAPH… [flags]"
        ),
        (["validate", "x", "--format", "xml"], "'xml' is not a value of '--format'", "(text, json, sarif, github)"),
        (["validate", "x", "--set"], "'--set' needs a value", "write '--set params.NAME=VALUE'"),
        (["validate", "x", "--set", "n=3"], "'--set n=3' sets nothing", "write '--set params.NAME=VALUE'"),
        (["graph", "a", "b"], "'b' is one word too many", "usage: pipe graph [GRAPH] [flags]"),
        (["graph", "x", "--dot", "--svg"], "'--dot' and '--svg' are two drawings", "choose one"),
        (["new"], "'pipe new' needs to know what", "use one of graph, stage"),
        (["new", "grahp"], "there is no command 'grahp'", "did you mean 'graph'?"),
        (["stages", "generat"], "there is no stage type 'generat'", "did you mean 'generate'?"),
        (["explain", "cycel"], "there is no code 'cycel'", "did you mean 'cycle'?"),
        (["completions", "tcsh"], "there is no completion for 'tcsh'", "use bash, zsh or fish"),
        (["validate", "--offline=yes", "x"], "'--offline' takes no value", "remove the '='"),
        (["run", "x", "--web", "8080"], "'--web 8080' is not an address", "did you mean '127.0.0.1:8080'?"),
        (["run", "x", "--metrics", ""], "'--metrics ' is not an address", "write host:port"),
        (["graph", "x", "-o", "a", "-o", "b"], "'--output' stands here twice", "keep one"),
    ])
    func `a wrong command line says what was meant`(words: [String], message: String, hint: String) {
        let error = #expect(throws: UsageError.self) { try parse(words) }
        #expect(error?.message == message)
        #expect(error?.hint?.hasPrefix(hint) == true, "\(error?.hint ?? "no hint")")
    }

    @Test func `every command has a summary, and every flag a sentence`() {
        func walk(_ command: Command) {
            #expect(command.summary.hasSuffix("."), "\(command.name)")
            for flag in command.flags { #expect(flag.summary.hasSuffix("."), "\(command.name) --\(flag.name)") }
            for operand in command.operands {
                #expect(operand.summary.hasSuffix("."), "\(command.name) \(operand.name)")
            }
            command.subcommands.forEach(walk)
        }
        walk(.pipe)
    }

    @Test(arguments: [40, 80, 100])
    func `help stays within the width`(width: Int) {
        for command in Command.pipe.subcommands {
            let lines = HelpPage(command, path: [command.name], width: width).text.split(separator: "\n")
            let wide = lines.filter { $0.count > width && !$0.contains("pipe ") && !$0.contains("--") }
            #expect(wide.isEmpty, "\(wide)")
        }
    }

    @Test func `completion knows every command, flag, stage type and code`() {
        let script = CompletionScript(.pipe)
        for text in [script.bash, script.zsh, script.fish] {
            for word in ["validate", "completions", "generate", "jsonl_file", "fan-out-can-freeze", "sarif", "offline"]
            {
                #expect(text.contains(word), "\(word)")
            }
        }
    }
}
