import Frames
import PipeCore

/// A frame and the ions that were found in it: what `ion_labels` draws.
final class MarkedFrame: Payload {
    static let payload = PayloadInfo("marked_frame", "A frame and the ions found in it.", worstCase: .mebibytes(8))

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
