internal import Glibc

/// The data file of a segment: opened for each read and closed after it.
///
/// A session can have more segments than a process may have open files, and most of them are often never read.
struct DataFile: Sendable {
    let path: String
    /// Bytes when the session was opened. What is appended later is not seen.
    let size: Int

    /// Opens the file, which must have all the bytes it had when the session was opened.
    func open() throws(MefError) -> DataReader {
        let (descriptor, now) = try FileSystem.open(path)
        let reader = DataReader(path, descriptor, size: size)
        guard now >= size, size > 0 else {
            throw MefError(
                .damaged,
                "the file had \(size) bytes and now has \(now), open the session again",
                file: path
            )
        }
        return reader
    }
}

/// Reads a data file from front to back through one buffer.
///
/// Not mapped: touching a page of a file that somebody cuts kills the process, and no check before can prevent it. A
/// read of such a file just ends early. It is as fast: the decoder copies each block out of where it lies anyway. A
/// reader belongs to one thread.
final class DataReader {
    // One call for some dozen blocks, in memory that malloc keeps and need not ask the kernel for each time: 256 KiB was
    // 4 % slower than mapping, this is as fast.
    private static let window = 96 << 10

    let path: String
    let size: Int
    private let descriptor: Int32
    private var buffer = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    /// What of the file the buffer holds.
    private var held = 0..<0

    fileprivate init(_ path: String, _ descriptor: Int32, size: Int) {
        self.path = path
        self.descriptor = descriptor
        self.size = size
    }

    deinit {
        buffer.deallocate()
        close(descriptor)
    }

    /// The bytes at an offset, valid until the next call.
    ///
    /// - Parameter end: Where the part of the file that is wanted ends. Nothing behind it is read ahead.
    func bytes(at offset: Int, count: Int, before end: Int) throws(MefError) -> UnsafeRawBufferPointer {
        guard offset >= 0, count >= 0, offset <= size - count else {
            throw MefError(.damaged, "the file ends before the end of the block", file: path)
        }
        let wanted = offset..<offset + count
        if wanted.lowerBound < held.lowerBound || wanted.upperBound > held.upperBound {
            try fill(offset, count: max(count, min(Self.window, min(end, size) - offset)))
            guard held.count >= count else {
                throw MefError(
                    .damaged,
                    "the file was cut while it was read, \(count) bytes at \(offset) are gone",
                    file: path
                )
            }
        }
        let first = offset - held.lowerBound
        return UnsafeRawBufferPointer(rebasing: buffer[first..<first + count])
    }

    private func fill(_ offset: Int, count: Int) throws(MefError) {
        held = 0..<0
        if buffer.count < count {
            buffer.deallocate()
            buffer = .allocate(byteCount: count, alignment: 64)
        }
        guard let base = buffer.baseAddress else { return }
        var done = 0
        while done < count {
            let read = pread(descriptor, base + done, count - done, offset + done)
            if read < 0, errno == EINTR { continue }
            guard read >= 0 else { throw FileSystem.failure("read", path) }
            if read == 0 { break }
            done += read
        }
        held = offset..<offset + done
    }
}
