import Frames
import Glibc
import PipeCore
import PipeKit

/// Reads files of pictures. Several operations use it at once.
final class PictureReader: Sendable {
    struct Settings: Sendable {
        var pixels: JPEG.Pixels
        var maxBytes: ByteCount
        var limit: PixelLimit
        /// Of a file of 16-bit counts, which does not say.
        var sides: (width: Int, height: Int)
    }

    private let settings: Settings
    private let pools = BufferPools(keeping: .mebibytes(32))

    init(_ settings: Settings) { self.settings = settings }

    func read(_ path: String) throws -> Frame {
        let bytes = try content(path)
        return try bytes.withUnsafeBytes { raw in
            switch EncodedFormat(raw) {
            case .jpeg: return try JPEG.read(raw, settings.pixels, settings.limit, acceptsDamage: false, pools)
            case .png: return try PNG.read(bytes, settings.limit, pools)
            case .tiff: return try TIFF.read(raw, settings.limit, pools)
            case .unknown: break
            }
            if path.lowercased().hasSuffix(".dat") { return try Counts.readText(raw, settings.limit, pools) }
            guard path.lowercased().hasSuffix(".hex") else { throw PictureFailure("it begins like no picture") }
            let (width, height) = settings.sides
            return try Counts.readRaw(raw, width: width, height: height, settings.limit, pools)
        }
    }

    private func content(_ path: String) throws -> [UInt8] {
        // A pipe of that name would be waited for.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw failure("it cannot be opened") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure("it cannot be looked at") }
        guard status.st_mode & S_IFMT == S_IFREG else { throw PictureFailure("it is no file") }
        let size = Int(status.st_size)
        guard size <= settings.maxBytes.bytes else {
            throw PictureFailure("it has \(size) bytes, and \(settings.maxBytes) are read at most")
        }
        var filled = 0
        var bytes = [UInt8](repeating: 0, count: size)
        while filled < size {
            let count = bytes.withUnsafeMutableBytes { target in
                Glibc.read(descriptor, target.baseAddress.map { $0 + filled }, size - filled)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure("it cannot be read") }
            if count == 0 { break }  // it has become shorter; what it is says the decoder
            filled += count
        }
        return Array(bytes[..<filled])
    }

    private func failure(_ what: String) -> PictureFailure {
        PictureFailure("\(what): \(String(cString: strerror(errno)).lowercased())")
    }
}
