import Mef3
import PipeCore
import PipeGraph
import PipeKit

extension Command {
    static let mef: Command = .init(
        name: "mef",
        summary: "Looks at MEF 3 sessions (EEG), checks and exports them.",
        subcommands: [mefInfo, mefVerify, mefExport]
    )

    private static let session = Operand(
        name: "SESSION",
        summary: "The directory of a session, which ends in .mefd.",
        completes: .directories
    )
    private static let secret = Flag(
        name: "secret",
        value: "NAME",
        summary: "Opens a protected session with the password in PIPE_SECRET_NAME."
    )

    private static let mefInfo: Command = .init(
        name: "info",
        summary: "Shows what a session holds, without reading its samples.",
        details: "What is damaged is listed and left out. Exit code 0: it could be opened; 1: it could not.",
        operands: [session],
        flags: [secret, .json],
        examples: [("pipe mef info night.mefd", "Shows its channels.")],
        run: { arguments throws(UsageError) in
            let session = try MefSession(arguments)
            let report = MefInfo(session)
            Terminal.print(arguments.has("json") ? report.json.text(pretty: true) : report.text)
            return .success
        }
    )

    private static let mefVerify: Command = .init(
        name: "verify",
        summary: "Reads every block of a session and lists what is damaged.",
        details: "Exit code 0: all of it is sound; 1: something is damaged, or it could not be opened.",
        operands: [session],
        flags: [secret, .json],
        examples: [("pipe mef verify night.mefd --json", "Lists damage as JSON.")],
        run: { arguments throws(UsageError) in
            let session = try MefSession(arguments)
            let report = try MefVerification(session)
            Terminal.print(arguments.has("json") ? report.json.text(pretty: true) : report.text)
            return report.damage.isEmpty ? .success : .failed
        }
    )

    private static let mefExport: Command = .init(
        name: "export",
        summary: "Writes a session as CSV, as EDF+, or as another session.",
        details: """
            The name of the file says what it becomes: .csv, .edf or .mefd. It runs the stages mef_reader and csv_file,
            edf_file or mef_writer ('pipe stages NAME' says more of each); a graph of your own can do more. Damaged parts
            are left out and told. Exit code 0: all of it is written; 1: something was damaged or failed.
            """,
        operands: [
            session, Operand(name: "FILE", summary: "What is written: .csv, .edf or .mefd.", completes: .files),
        ],
        flags: [
            secret,
            Flag(name: "channel", value: "NAME", summary: "Only this one; may be given several times.", repeats: true),
            Flag(name: "skip", value: "TIME", summary: "How much of the beginning is left out: 10s, 5m."),
            Flag(name: "length", value: "TIME", summary: "How much is written; without it, to the end."),
            Flag(name: "rate", value: "RATE", summary: "Changes the sampling rate: 250Hz."),
            .json,
        ],
        examples: [
            ("pipe mef export night.mefd night.edf", "For an EEG viewer."),
            ("pipe mef export night.mefd part.csv --channel C3 --skip 1h --length 10s", "Ten seconds of a channel."),
        ],
        run: { arguments throws(UsageError) in try MefExport(arguments).perform() }
    )
}

extension Arguments {
    /// The password that a flag names.
    func secretPassword() throws(UsageError) -> String? {
        guard let name = value("secret") else { return nil }
        guard let password = Terminal.variable("PIPE_SECRET_\(name)"), !password.isEmpty else {
            throw UsageError(
                message: "there is no secret '\(shortened(name))'",
                hint: "set PIPE_SECRET_\(shortened(name)) to the password"
            )
        }
        return password
    }
}

extension MefSession {
    /// The session that a command line names, salvaged as far as it is damaged.
    convenience init(_ arguments: Arguments) throws(UsageError) {
        let password = try arguments.secretPassword()
        do throws(MefError) {
            try self.init(path: arguments.operands.first ?? "", password: password, reading: .salvage)
        } catch {
            let hint =
                switch error.code {
                case .locked: "give its password: --secret NAME takes it from PIPE_SECRET_NAME"
                case .missing, .unsupported: "name the directory that ends in .mefd"
                default: nil as String?
                }
            throw UsageError(message: error.description, hint: hint, code: .failed)
        }
    }
}
