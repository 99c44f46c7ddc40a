/// A stable name for a kind of finding. `pipe explain CODE` has a page for each; plugins use the ones that are here.
public struct DiagnosticCode: Sendable, Hashable, CustomStringConvertible {
    public let name: String

    public init(_ name: String) { self.name = name }

    public var description: String { name }
}

extension DiagnosticCode {
    // The file and its YAML.
    public static let unreadableFile = DiagnosticCode("unreadable-file")
    public static let fileTooLarge = DiagnosticCode("file-too-large")
    public static let notUTF8 = DiagnosticCode("not-utf8")
    public static let controlCharacter = DiagnosticCode("control-character")
    public static let emptyFile = DiagnosticCode("empty-file")
    public static let yamlSyntax = DiagnosticCode("yaml-syntax")
    public static let tabIndent = DiagnosticCode("tab-indent")
    public static let duplicateKey = DiagnosticCode("duplicate-key")
    public static let badAlias = DiagnosticCode("bad-alias")
    public static let badMerge = DiagnosticCode("bad-merge")
    public static let unknownTag = DiagnosticCode("unknown-tag")
    public static let tooManyValues = DiagnosticCode("too-many-values")
    public static let tooDeep = DiagnosticCode("too-deep")

    // Keys and values.
    public static let unknownKey = DiagnosticCode("unknown-key")
    public static let missingKey = DiagnosticCode("missing-key")
    public static let missingValue = DiagnosticCode("missing-value")
    public static let wrongShape = DiagnosticCode("wrong-shape")
    public static let wrongType = DiagnosticCode("wrong-type")
    public static let missingUnit = DiagnosticCode("missing-unit")
    public static let unknownUnit = DiagnosticCode("unknown-unit")
    public static let outOfRange = DiagnosticCode("out-of-range")
    public static let unknownValue = DiagnosticCode("unknown-value")
    public static let badName = DiagnosticCode("bad-name")
    public static let badExpression = DiagnosticCode("bad-expression")
    public static let optionConflict = DiagnosticCode("option-conflict")
    public static let deprecated = DiagnosticCode("deprecated")
    public static let unsupportedVersion = DiagnosticCode("unsupported-version")

    // Filled-in values and params.
    public static let badFill = DiagnosticCode("bad-fill")
    public static let unknownParam = DiagnosticCode("unknown-param")
    public static let missingParam = DiagnosticCode("missing-param")
    public static let unusedParam = DiagnosticCode("unused-param")
    public static let unsetVariable = DiagnosticCode("unset-variable")
    public static let unsetSecret = DiagnosticCode("unset-secret")
    public static let exposedSecret = DiagnosticCode("exposed-secret")
    public static let noStation = DiagnosticCode("no-station")

    // Stages and links.
    public static let unknownType = DiagnosticCode("unknown-type")
    public static let unknownStage = DiagnosticCode("unknown-stage")
    public static let unknownPort = DiagnosticCode("unknown-port")
    public static let ambiguousPort = DiagnosticCode("ambiguous-port")
    public static let unlinkedInput = DiagnosticCode("unlinked-input")
    public static let unlinkedOutput = DiagnosticCode("unlinked-output")
    public static let tooManyLinks = DiagnosticCode("too-many-links")
    public static let typeMismatch = DiagnosticCode("type-mismatch")
    public static let unknownLink = DiagnosticCode("unknown-link")

    // The graph as a whole.
    public static let cycle = DiagnosticCode("cycle")
    public static let cycleCanFill = DiagnosticCode("cycle-can-fill")
    public static let unreachableStage = DiagnosticCode("unreachable-stage")
    public static let batchExceedsQueue = DiagnosticCode("batch-exceeds-queue")
    public static let joinCanStarve = DiagnosticCode("join-can-starve")
    public static let fanOutCanFreeze = DiagnosticCode("fan-out-can-freeze")
    public static let memoryLimit = DiagnosticCode("memory-limit")
    public static let stationMismatch = DiagnosticCode("station-mismatch")
    public static let tooManyCopies = DiagnosticCode("too-many-copies")
    public static let sameAddress = DiagnosticCode("same-address")
    public static let samePath = DiagnosticCode("same-path")
    public static let missingFile = DiagnosticCode("missing-file")
    public static let notWritable = DiagnosticCode("not-writable")
    public static let includeCycle = DiagnosticCode("include-cycle")
}
