import Frames
import PipeCore

/// A frame and the ions that were found in it: what `ion_labels` draws.
final class MarkedFrame: Payload {
    static let payload = PayloadInfo("marked_frame", "A frame and the ions found in it.", worstCase: .mebibytes(8))

    /// Frames with an ion in their middle, for tests that send so many.
    static func sample(_ number: Int) -> MarkedFrame? {
        guard let frame = Frame.sample(number) else { return nil }
        let (x, y) = (Double(frame.width / 2), Double(frame.height / 2))
        let ion = FoundIon(
            x: x,
            y: y,
            sigma: 2,
            amplitude: 1,
            values: [x, y, 2, 1, 0, 0, 0, 0],
            errors: [Double](repeating: 0, count: 8),
            extras: []
        )
        return MarkedFrame(frame, [ion])
    }

    let frame: Frame
    let ions: [FoundIon]

    init(_ frame: Frame, _ ions: [FoundIon]) {
        self.frame = frame
        self.ions = ions
    }

    var byteCount: Int { frame.byteCount + ions.count * MemoryLayout<FoundIon>.stride }

    var described: JSON {
        let names = Names([])
        return [
            "frame": frame.described,
            "atoms": .array(ions.enumerated().map { $0.element.described(id: $0.offset + 1, names) }),
        ]
    }
}
