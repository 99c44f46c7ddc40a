internal import COpenssl

/// Sixteen bytes: a key, a password field, or one unit of the cipher.
typealias Unit = SIMD16<UInt8>

/// AES-128 unit by unit (ECB, no padding) and the shortened SHA-256 of the password fields.
///
/// A cipher context of OpenSSL must not be shared between threads, so each call makes its own.
enum Cipher {
    /// The first sixteen bytes of the SHA-256 of sixteen bytes.
    static func hash(_ unit: Unit) -> Unit {
        var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
        withUnsafeBytes(of: unit) { bytes in
            _ = SHA256(bytes.assumingMemoryBound(to: UInt8.self).baseAddress, bytes.count, &digest)
        }
        return Unit(digest[..<16])
    }

    static func encrypt(_ bytes: [UInt8], _ key: Unit) throws(MefError) -> [UInt8] {
        try run(bytes, key, encrypting: true)
    }

    static func decrypt(_ bytes: [UInt8], _ key: Unit) throws(MefError) -> [UInt8] {
        try run(bytes, key, encrypting: false)
    }

    private static func run(_ bytes: [UInt8], _ key: Unit, encrypting: Bool) throws(MefError) -> [UInt8] {
        let refusal = MefError(.system, "the AES-128 cipher of OpenSSL is not available, check the installation")
        guard bytes.count % 16 == 0, let length = Int32(exactly: bytes.count) else {
            throw MefError(.damaged, "\(bytes.count) encrypted bytes are not a multiple of 16")
        }
        guard let context = EVP_CIPHER_CTX_new() else { throw refusal }
        defer { EVP_CIPHER_CTX_free(context) }
        let started = withUnsafeBytes(of: key) { key in
            EVP_CipherInit_ex(
                context,
                EVP_aes_128_ecb(),
                nil,
                key.assumingMemoryBound(to: UInt8.self).baseAddress,
                nil,
                encrypting ? 1 : 0
            )
        }
        guard started == 1, EVP_CIPHER_CTX_set_padding(context, 0) == 1 else { throw refusal }
        // One unit more than the text: OpenSSL documents that an update may write up to a block beyond its input.
        var result = [UInt8](repeating: 0, count: bytes.count + 16)
        var written: Int32 = 0
        guard EVP_CipherUpdate(context, &result, &written, bytes, length) == 1, written == length else {
            throw refusal
        }
        result.removeLast(16)
        return result
    }
}

extension Unit {
    init(_ bytes: some Collection<UInt8>) {
        self = .zero
        for (index, byte) in bytes.prefix(16).enumerated() { self[index] = byte }
    }

    var bytes: [UInt8] { (0..<16).map { self[$0] } }
}
