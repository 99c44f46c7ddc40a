import CTiff
public import PipeCore

/// Reads the first picture of a TIFF file: grey of 8 or 16 bit, or red, green and blue of 8.
public enum TIFF {
    public static func read(
        _ bytes: UnsafeRawBufferPointer,
        _ limit: PixelLimit,
        _ pools: BufferPools
    ) throws(PictureFailure) -> Frame {
        guard let base = bytes.baseAddress, let file = cpipe_tiff_open(base, bytes.count) else {
            throw PictureFailure("this is no TIFF file, or its directory is damaged")
        }
        defer { cpipe_tiff_close(file) }
        var head = cpipe_tiff_head()
        try check(cpipe_tiff_read_head(file, &head))
        let (width, height) = (Int(head.width), Int(head.height))
        try limit.check(width, height)
        let format: Frame.Format = head.samples == 3 ? .rgb8 : head.bits == 16 ? .grey16 : .grey8
        let size = width * height * format.size
        let buffer = pools.take(size)
        try check(cpipe_tiff_read(file, buffer.bytes.baseAddress, size))
        guard let frame = Frame(buffer, width: width, height: height, format: format) else {
            throw PictureFailure("a picture of \(width)×\(height) pixels does not fit its buffer")
        }
        return frame
    }

    private static func check(_ outcome: Int32) throws(PictureFailure) {
        switch Int(outcome) {
        case CPIPE_TIFF_DONE: return
        case CPIPE_TIFF_UNSUPPORTED:
            throw PictureFailure("only grey TIFF pictures of 8 or 16 bit and colour ones of 8 are read; convert it")
        default: throw PictureFailure("the TIFF file is cut or damaged")
        }
    }
}
