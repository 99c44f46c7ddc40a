// OpenSSL's libcrypto: hashes and ciphers. Nothing here needs a shim, the functions used are not macros.
#include <openssl/evp.h>
#include <openssl/sha.h>
