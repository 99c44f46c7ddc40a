// OpenSSL's libssl: TLS connections. The functions here stand in for macros, which Swift does not import.
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

static inline void cpipe_tls_require_1_2(SSL_CTX *context) {
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    // What is written may be continued from another place: it is the same bytes, in memory that is still held.
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
}

static inline int cpipe_tls_set_name(SSL *session, const char *name) {
    return (int)SSL_set_tlsext_host_name(session, name);
}

// Bytes that have gone out on the connection.
static inline unsigned long cpipe_tls_written(SSL *session) {
    return (unsigned long)BIO_number_written(SSL_get_wbio(session));
}
