import CTurboJPEG
public import PipeCore

/// Reads JPEG pictures.
///
/// Each is read with a handle of its own, which costs less than half a microsecond: one that is used again goes on with the
/// tables of the picture before where a picture has none, and with its failure where that was cut in the midst of a table.
public enum JPEG {
    public enum Pixels: Sendable {
        /// Grey stays grey, and colour becomes red, green and blue.
        case asStored
        /// The luminance.
        case grey
        case rgb
    }

    /// The picture in a buffer of its own size. Damage is an error unless it is accepted; what is missing is grey then.
    public static func read(
        _ bytes: UnsafeRawBufferPointer,
        _ pixels: Pixels,
        _ limit: PixelLimit,
        acceptsDamage: Bool,
        _ pools: BufferPools
    ) throws(PictureFailure) -> Frame {
        guard let handle = tjInitDecompress() else { throw PictureFailure("no JPEG decoder can be made") }
        defer { tjDestroy(handle) }
        let head = try head(handle, bytes, limit)
        let format: Frame.Format =
            switch pixels {
            case .grey: .grey8
            case .rgb: .rgb8
            case .asStored: head.isGrey ? .grey8 : .rgb8
            }
        let buffer = pools.take(head.width * head.height * format.size)
        let outcome = tjDecompress2(
            handle,
            bytes.bindMemory(to: UInt8.self).baseAddress,
            UInt(bytes.count),
            buffer.bytes.bindMemory(to: UInt8.self).baseAddress,
            Int32(head.width),
            0,
            Int32(head.height),
            Int32((format == .grey8 ? TJPF_GRAY : TJPF_RGB).rawValue),
            // A picture in a million small scans would keep a processor for minutes.
            TJFLAG_LIMITSCANS | (acceptsDamage ? 0 : TJFLAG_STOPONWARNING)
        )
        let isUsable = outcome == 0 || (acceptsDamage && tjGetErrorCode(handle) == TJERR_WARNING.rawValue)
        guard isUsable, let frame = Frame(buffer, width: head.width, height: head.height, format: format) else {
            throw failure(of: handle)
        }
        return frame
    }

    private static func head(
        _ handle: tjhandle,
        _ bytes: UnsafeRawBufferPointer,
        _ limit: PixelLimit
    ) throws(PictureFailure) -> (width: Int, height: Int, isGrey: Bool) {
        guard !bytes.isEmpty else { throw PictureFailure("there is not a single byte") }
        var (width, height, subsampling, colours): (Int32, Int32, Int32, Int32) = (0, 0, 0, 0)
        let outcome = tjDecompressHeader3(
            handle,
            bytes.bindMemory(to: UInt8.self).baseAddress,
            UInt(bytes.count),
            &width,
            &height,
            &subsampling,
            &colours
        )
        guard outcome == 0 else { throw failure(of: handle) }
        try limit.check(Int(width), Int(height))
        guard colours != TJCS_CMYK.rawValue, colours != TJCS_YCCK.rawValue else {
            throw PictureFailure("pictures in the four colours of print are not read; convert it")
        }
        return (Int(width), Int(height), colours == TJCS_GRAY.rawValue)
    }

    private static func failure(of handle: tjhandle) -> PictureFailure {
        PictureFailure("this is no whole JPEG picture: \(lastMessage(of: handle))")
    }
}

/// Writes JPEG pictures. Its handle and its memory are made once; one thread at a time uses it.
public final class JPEGWriter {
    /// How much of the colour is kept.
    public enum Subsampling: Sendable {
        case whole, half, quarter
    }

    private let handle: tjhandle
    /// What a picture needs at worst is many times what it takes: it is written here, and copied.
    private var scratch = UnsafeMutableBufferPointer<UInt8>(start: nil, count: 0)

    public init() throws(PictureFailure) {
        guard let handle = tjInitCompress() else { throw PictureFailure("no JPEG encoder can be made") }
        self.handle = handle
    }

    deinit {
        tjDestroy(handle)
        scratch.deallocate()
    }

    /// Pixels of one byte (grey) or three (red, green, blue), row by row.
    public func write(
        _ pixels: UnsafeRawBufferPointer,
        width: Int,
        height: Int,
        isGrey: Bool,
        quality: Int,
        _ subsampling: Subsampling,
        _ pools: BufferPools
    ) throws(PictureFailure) -> EncodedFrame {
        guard width > 0, height > 0, width * height * (isGrey ? 1 : 3) <= pixels.count else {
            throw PictureFailure("\(pixels.count) bytes are no \(width)×\(height) pixels")
        }
        let stored = isGrey ? TJSAMP_GRAY : subsampling.value
        try makeRoom(tjBufSize(Int32(width), Int32(height), Int32(stored.rawValue)))
        var target = scratch.baseAddress
        var size = UInt(scratch.count)
        let outcome = tjCompress2(
            handle,
            pixels.bindMemory(to: UInt8.self).baseAddress,
            Int32(width),
            0,
            Int32(height),
            Int32((isGrey ? TJPF_GRAY : TJPF_RGB).rawValue),
            &target,
            &size,
            Int32(stored.rawValue),
            Int32(quality),
            TJFLAG_NOREALLOC
        )
        guard outcome == 0, let frame = EncodedFrame(scratch.prefix(Int(size)), in: pools) else {
            throw PictureFailure("a picture of \(width)×\(height) pixels is no JPEG: \(lastMessage(of: handle))")
        }
        return frame
    }

    private func makeRoom(_ count: UInt) throws(PictureFailure) {
        // All bits are set where there is no such size.
        guard let count = Int(exactly: count), count <= 1 << 33 else {
            throw PictureFailure("a picture is too large for a JPEG")
        }
        guard scratch.count < count else { return }
        scratch.deallocate()
        scratch = .allocate(capacity: count)
    }
}

extension JPEGWriter.Subsampling {
    fileprivate var value: TJSAMP {
        switch self {
        case .whole: TJSAMP_444
        case .half: TJSAMP_422
        case .quarter: TJSAMP_420
        }
    }
}

/// What the library says of its last error, in our form: lower case, without the name of a function.
private func lastMessage(of handle: tjhandle) -> String {
    let said = tjGetErrorStr2(handle).map { String(cString: $0) } ?? ""
    let bare = said.split(separator: ": ", maxSplits: 1).last ?? "unknown error"
    return "\(bare.prefix(1).lowercased())\(bare.dropFirst())"
}
