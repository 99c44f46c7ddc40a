import Frames
import PipeCore
import PipeKit

/// JPEG pictures become pixels. A picture that ends early is a failed item: what is missing would be grey, and a fit of grey
/// is a number like any other.
struct JPEGDecode: Consumer {
    static let info = StageInfo(
        "jpeg_decode",
        "Decodes JPEG pictures into frames.",
        example: """
            from: camera
            pixels: grey
            """
    )

    @Input("JPEG pictures.") var pictures: Receiver<EncodedFrame>
    @Output("Their pixels.") var frames: Sender<Frame>

    @Option("What becomes of colours.") var pixels = Pixels.as_stored
    @Option("What becomes of a picture that is cut or damaged.") var damaged = Damage.fail
    @Option("A picture of more pixels counts as failed.", in: 1...1 << 32) var maxPixels = 64_000_000

    enum Pixels: String, Choice {
        case as_stored, grey, rgb

        var summary: String {
            switch self {
            case .as_stored: "Grey stays grey, and colour becomes red, green and blue."
            case .grey: "The luminance: 0.299 of red, 0.587 of green, 0.114 of blue."
            case .rgb: "Red, green and blue."
            }
        }
    }

    enum Damage: String, Choice {
        case fail, accept

        var summary: String {
            switch self {
            case .fail: "It counts as failed."
            case .accept: "It is decoded as far as it goes; the rest is grey."
            }
        }
    }

    func claims(_ claims: inout Claims) { claims.bounds($frames, to: ByteCount(maxPixels).times(3)) }

    private let pools = BufferPools(keeping: .mebibytes(32))

    func process(_ item: consuming Item<EncodedFrame>, _ context: StageContext) throws {
        let frame = try JPEG.read(
            item.payload.bytes,
            pixels.stored,
            PixelLimit(maxPixels),
            acceptsDamage: damaged == .accept,
            pools
        )
        frames.send(item.with(frame))
    }
}

extension JPEGDecode.Pixels {
    var stored: JPEG.Pixels {
        switch self {
        case .as_stored: .asStored
        case .grey: .grey
        case .rgb: .rgb
        }
    }
}
