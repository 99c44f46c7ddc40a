import Frames
import PipeCore
import PipeKit

/// Frames become pictures that browsers and viewers show.
struct JPEGEncode: Consumer {
    static let info = StageInfo(
        "jpeg_encode",
        "Encodes frames as JPEG pictures.",
        example: """
            from: labels
            quality: 85
            scale: minmax
            """
    )

    @Input("Frames, grey or in colour.") var frames: Receiver<Frame>
    @Output("JPEG pictures: grey stays grey.") var pictures: Sender<EncodedFrame>

    @Option("From the smallest files to the best pictures.", in: 1...100) var quality = 85
    @Option("How much of the colour is kept; thin coloured text wants all of it.") var subsampling = Subsampling.whole
    @Option("How 16 bit become 8.") var scale = Scale.none
    @Option("With 'scale: range', what becomes black.", in: 0...65_535) var low = 0
    @Option("With 'scale: range', what becomes white.", in: 0...65_535) var high = 65_535

    enum Subsampling: String, Choice {
        case whole = "4:4:4"
        case half = "4:2:2"
        case quarter = "4:2:0"

        var summary: String {
            switch self {
            case .whole: "All of it."
            case .half: "Half of it."
            case .quarter: "A quarter, as for photographs."
            }
        }
    }

    enum Scale: String, Choice {
        case none, minmax, range

        var summary: String {
            switch self {
            case .none: "Not: a frame of 16 bit counts as failed."
            case .minmax: "From the darkest pixel of each frame to its brightest."
            case .range: "From 'low' to 'high'."
            }
        }
    }

    func check(_ report: inout Diagnostics) {
        if scale == .range, low >= high {
            report.error(
                .outOfRange,
                at: $high.isStated ? $high : $low,
                "nothing lies between \(low) and \(high)",
                hint: "make 'low' smaller than 'high'"
            )
        }
        for bound in [$low, $high] where bound.isStated && scale != .range {
            report.error(
                .optionConflict,
                at: bound,
                "'\(bound.name)' is of use with 'scale: range', and 'scale' is '\(scale)'",
                hint: "add 'scale: range', or remove it"
            )
        }
    }

    func claims(_ claims: inout Claims) { claims.holdsInputs($pictures) }

    private var writer: JPEGWriter?
    private let pools = BufferPools(keeping: .mebibytes(8))
    private var scaled: [UInt8] = []

    mutating func start(_ context: StageContext) throws { writer = try JPEGWriter() }

    mutating func process(_ item: consuming Item<Frame>, _ context: StageContext) throws {
        let frame = item.payload
        let picture: EncodedFrame? =
            if frame.format == .grey16 {
                try scale(frame)
                    .withUnsafeBytes { try written($0, frame, isGrey: true) }
            } else {
                try written(frame.bytes, frame, isGrey: frame.format == .grey8)
            }
        if let picture { pictures.send(item.with(picture)) }
    }

    private func written(_ bytes: UnsafeRawBufferPointer, _ frame: Frame, isGrey: Bool) throws -> EncodedFrame? {
        try writer?
            .write(
                bytes,
                width: frame.width,
                height: frame.height,
                isGrey: isGrey,
                quality: quality,
                subsampling.kept,
                pools
            )
    }

    /// The pixels in 8 bit, in memory that serves each frame in turn.
    private mutating func scale(_ frame: Frame) throws -> [UInt8] {
        let values = frame.bytes.bindMemory(to: UInt16.self)
        let bounds: (low: UInt16, high: UInt16)
        switch scale {
        case .none:
            throw StageError(
                "a frame of 16 bit does not fit into a JPEG",
                hint: "state 'scale', such as 'scale: minmax'"
            )
        case .minmax: bounds = Self.extremes(values)
        case .range: bounds = (UInt16(low), UInt16(high))
        }
        if scaled.count != values.count { scaled = [UInt8](repeating: 0, count: values.count) }
        let factor = 255 / Float(max(1, Int(bounds.high) - Int(bounds.low)))
        for place in 0..<values.count {
            let value = min(bounds.high, max(bounds.low, values[place]))
            scaled[place] = UInt8(Float(value - bounds.low) * factor + 0.5)
        }
        return scaled
    }

    private static func extremes(_ values: UnsafeBufferPointer<UInt16>) -> (low: UInt16, high: UInt16) {
        var (low, high) = (UInt16.max, UInt16.min)
        for value in values {
            low = min(low, value)
            high = max(high, value)
        }
        return (low, high)
    }
}

extension JPEGEncode.Subsampling {
    fileprivate var kept: JPEGWriter.Subsampling {
        switch self {
        case .whole: .whole
        case .half: .half
        case .quarter: .quarter
        }
    }
}
