import CTLS
import Glibc
import PipeCore
import PipeKit

/// Certificates of a server, or what a client trusts: made once, used by every connection.
final class TLSContext: @unchecked Sendable {  // not changed after it was made; OpenSSL counts its users with a lock
    fileprivate let context: OpaquePointer

    /// For a server. With `clientCA` only clients with a certificate of that authority are let in.
    init(certificate: String, key: String, clientCA: String?) throws {
        context = try Self.make(TLS_server_method())
        // A client that only sends would never read a ticket, and unread bytes turn the end of a connection into a reset.
        SSL_CTX_set_num_tickets(context, 0)
        guard SSL_CTX_use_certificate_chain_file(context, certificate) == 1 else {
            throw Self.failure("the certificate '\(certificate)' cannot be used", "it must be in PEM form")
        }
        guard SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1 else {
            throw Self.failure("the key '\(key)' cannot be used", "it must be that of the certificate, in PEM form")
        }
        if let clientCA {
            guard SSL_CTX_load_verify_locations(context, clientCA, nil) == 1 else {
                throw Self.failure("the authority '\(clientCA)' cannot be used", "it must be in PEM form")
            }
            SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
        }
    }

    /// For a client. Without `ca` it trusts whom the system trusts.
    init(ca: String?, certificate: String?, key: String?) throws {
        context = try Self.make(TLS_client_method())
        let isTrusting = ca.map { SSL_CTX_load_verify_locations(context, $0, nil) == 1 }
        guard isTrusting ?? (SSL_CTX_set_default_verify_paths(context) == 1) else {
            throw Self.failure("the authority '\(ca ?? "of the system")' cannot be used", "it must be in PEM form")
        }
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        if let certificate, let key {
            guard SSL_CTX_use_certificate_chain_file(context, certificate) == 1,
                SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1
            else { throw Self.failure("the certificate '\(certificate)' and its key cannot be used", "check both") }
        }
    }

    deinit { SSL_CTX_free(context) }

    private static func make(_ method: OpaquePointer?) throws -> OpaquePointer {
        // A peer that is gone must end a connection, not the program.
        signal(SIGPIPE, SIG_IGN)
        guard let context = SSL_CTX_new(method) else { throw failure("there is no TLS", "check the system's OpenSSL") }
        cpipe_tls_require_1_2(context)
        return context
    }

    fileprivate static func failure(_ what: String, _ hint: String? = nil) -> StageError {
        let code = ERR_get_error()
        ERR_clear_error()
        let reason = ERR_reason_error_string(code).map { ": \(String(cString: $0).lowercased())" } ?? ""
        return StageError(what + reason, hint: hint)
    }
}

/// TLS on one connection.
final class TLSSession {
    enum Progress {
        case done(Int)
        case wantsToRead, wantsToWrite, ended, failed
    }

    private let session: OpaquePointer
    private let context: TLSContext

    /// Of a server, where no name is stated; of a client that expects the peer to be of that name.
    init(_ context: TLSContext, _ descriptor: Int32, expecting name: String? = nil) throws {
        guard let session = SSL_new(context.context) else { throw TLSContext.failure("no TLS session can be made") }
        (self.session, self.context) = (session, context)
        guard SSL_set_fd(session, descriptor) == 1 else { throw TLSContext.failure("no TLS session can be made") }
        guard let name else {
            SSL_set_accept_state(session)
            return
        }
        SSL_set_connect_state(session)
        let verification = SSL_get0_param(session)
        if X509_VERIFY_PARAM_set1_ip_asc(verification, name) != 1 {
            _ = cpipe_tls_set_name(session, name)
            X509_VERIFY_PARAM_set1_host(verification, name, 0)
        }
    }

    deinit { SSL_free(session) }

    func shakeHands() -> Progress { progress(SSL_do_handshake(session)) }

    func read(_ target: UnsafeMutableRawPointer, _ room: Int) -> Progress {
        progress(SSL_read(session, target, Int32(clamping: room)))
    }

    func write(_ bytes: UnsafeRawBufferPointer) -> Progress {
        progress(SSL_write(session, bytes.baseAddress, Int32(clamping: bytes.count)))
    }

    /// Bytes that have left, with all that TLS adds.
    var written: Int { Int(cpipe_tls_written(session)) }

    /// Whether bytes have been taken from the socket that were not read yet: the socket will not tell of them.
    var holdsBytes: Bool { SSL_pending(session) > 0 }

    /// Tells the peer that nothing more will come.
    func end() {
        if SSL_is_init_finished(session) == 1 { SSL_shutdown(session) }
        ERR_clear_error()
    }

    /// Why a handshake failed, in the words of OpenSSL.
    var failure: StageError {
        let verdict = SSL_get_verify_result(session)
        guard verdict == Int(X509_V_OK) else {
            ERR_clear_error()
            let reason = X509_verify_cert_error_string(verdict).map { String(cString: $0) } ?? "error \(verdict)"
            return StageError(
                "the peer's certificate is not trusted: \(reason)",
                hint: "check 'ca' and the host's name"
            )
        }
        return TLSContext.failure("no TLS connection comes about")
    }

    private func progress(_ result: Int32) -> Progress {
        if result > 0 { return .done(Int(result)) }
        switch SSL_get_error(session, result) {
        case SSL_ERROR_WANT_READ: return .wantsToRead
        case SSL_ERROR_WANT_WRITE: return .wantsToWrite
        case SSL_ERROR_ZERO_RETURN: return .ended
        default: return .failed
        }
    }
}
