import Mef3

/// One block from any bytes: an error or samples, and samples that were decoded survive being encoded.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var block = Array(UnsafeBufferPointer(start: start, count: count))
    // Without a stored checksum the decoder sees what the fuzzer made.
    for index in 0..<min(4, block.count) { block[index] = 0 }
    var limits = Limits()
    limits.blockSamples = 1 << 11
    guard let samples = try? RedCodec.decode(block, limits: limits) else { return 0 }
    guard let again = try? RedCodec.encode(samples), let decoded = try? RedCodec.decode(again) else {
        preconditionFailure("\(samples.count) decoded samples could not be encoded")
    }
    precondition(decoded == samples, "\(samples.count) samples changed")
    return 0
}
