// Requests out of bytes, and messages into bytes.
#pragma once

#include "include/cpipe_mefs.h"

#include <grpcpp/support/byte_buffer.h>

#include <memory>
#include <string>
#include <vector>

namespace mefs {

// A parsed request and what its texts point into.
struct Request {
    cpipe_mefs_request fields{};
    std::shared_ptr<void> message;
    std::vector<cpipe_mefs_text> names;
};

// The method of a path, -1 for one that is not served.
int method(const std::string &path);
// False when the bytes are not the method's message.
bool parse(int method, const grpc::ByteBuffer &bytes, Request &request);

grpc::ByteBuffer encode(int method, const cpipe_mefs_reply &reply);
grpc::ByteBuffer encode(const cpipe_mefs_chunk &chunk);
grpc::ByteBuffer encode(const cpipe_mefs_envelope &envelope);

inline std::string string(cpipe_mefs_text text) { return std::string(text.bytes ? text.bytes : "", text.count); }

}  // namespace mefs
