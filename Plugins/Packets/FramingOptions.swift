import PipeCore
import PipeKit

/// How packets are told apart where they are not all of one size.
struct FramingOptions: OptionBlock {
    @Option("How packets are told apart.") var kind: Kind
    @Option("The number before each packet, which says how many bytes follow it.") var prefix = Prefix.u16Big
    @Option("The character after each packet.") var delimiter = "\n"
    @Option("The longest packet; a longer one ends the connection.", in: ByteCount(1)...ByteCount.kibibytes(256))
    var maxBytes = ByteCount.kibibytes(64)

    enum Kind: String, Choice {
        case lengthPrefixed = "length_prefixed"
        case delimited

        var summary: String {
            switch self {
            case .lengthPrefixed: "A number says how many bytes follow."
            case .delimited: "A character ends each."
            }
        }
    }

    enum Prefix: String, Choice {
        case u8
        case u16Big = "u16_big"
        case u16Little = "u16_little"
        case u32Big = "u32_big"
        case u32Little = "u32_little"

        var summary: String {
            switch self {
            case .u8: "One byte."
            case .u16Big: "Two bytes, the high one first."
            case .u16Little: "Two bytes, the low one first."
            case .u32Big: "Four bytes, the highest first."
            case .u32Little: "Four bytes, the lowest first."
            }
        }

        var width: Int {
            switch self {
            case .u8: 1
            case .u16Big, .u16Little: 2
            case .u32Big, .u32Little: 4
            }
        }

        var isBig: Bool { self == .u16Big || self == .u32Big }
    }

    func check(_ report: inout Diagnostics) {
        if kind == .delimited, delimiter.utf8.count != 1 {
            report.error(
                .outOfRange,
                at: $delimiter,
                "the delimiter '\(delimiter)' takes \(delimiter.utf8.count) bytes, and one byte ends a packet",
                hint: "use one ASCII character, such as \"\\n\""
            )
        }
        if kind == .delimited, $prefix.isStated {
            report.error(.optionConflict, at: $prefix, "packets that are delimited have no prefix", hint: "remove it")
        }
        if kind == .lengthPrefixed, $delimiter.isStated {
            report.error(
                .optionConflict,
                at: $delimiter,
                "packets with a prefix have no delimiter",
                hint: "remove it, or use 'kind: delimited'"
            )
        }
    }

    var framing: Framing {
        switch kind {
        case .lengthPrefixed:
            Framing(kind: .prefixed(bytes: prefix.width, isBig: prefix.isBig), longest: maxBytes.bytes + prefix.width)
        case .delimited: Framing(kind: .delimited(delimiter.utf8.first ?? 10), longest: maxBytes.bytes + 1)
        }
    }
}
