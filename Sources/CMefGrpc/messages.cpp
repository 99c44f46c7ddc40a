#include "messages.h"

#include "mef3_server.pb.h"

#include <cstdlib>

namespace mefs {
namespace {

const char *const methods[] = {
    "OpenFile",         "CloseFile",         "FileInfo",          "ListOpenFiles",       "SetSignalSegmentSize",
    "GetSignalSegment", "SetActiveChannels", "GetActiveChannels", "GetNumberOfSegments", "GetSignalRange",
    "GetEnvelope",
};
static_assert(sizeof methods / sizeof *methods == CPIPE_MEFS_GET_ENVELOPE + 1, "a name for each method");

cpipe_mefs_text text(const std::string &string) { return {string.data(), string.size()}; }

// The message behind a request, kept with it because the fields point into it. Null when the bytes are not one.
template <typename Message>
const Message *read(const std::string &bytes, Request &request) {
    auto message = std::make_shared<Message>();
    if (!message->ParseFromString(bytes)) return nullptr;
    request.message = message;
    return message.get();
}

template <typename Message>
bool path(const Message *message, Request &request) {
    if (message != nullptr) request.fields.path = text(message->file_path());
    return message != nullptr;
}

template <typename Message>
bool pathAndNames(const Message *message, Request &request) {
    if (!path(message, request)) return false;
    request.names.reserve(static_cast<size_t>(message->channel_names_size()));
    for (const std::string &name : message->channel_names()) request.names.push_back(text(name));
    request.fields.names = request.names.data();
    request.fields.name_count = request.names.size();
    return true;
}

template <typename Add>
void eachName(cpipe_mefs_text names, Add add) {
    for (size_t begin = 0, at = 0; at < names.count; at++) {
        if (names.bytes[at] != 0) continue;
        add(names.bytes + begin, at - begin);
        begin = at + 1;
    }
}

template <typename Message>
void head(Message &message, cpipe_mefs_text path, const cpipe_mefs_text *error) {
    message.set_file_path(string(path));
    if (error != nullptr) message.set_error_message(string(*error));
}

grpc::ByteBuffer bytes(const google::protobuf::MessageLite &message) {
    grpc::Slice slice(message.SerializeAsString());
    return grpc::ByteBuffer(&slice, 1);
}

grpc::ByteBuffer info(const cpipe_mefs_reply &reply) {
    FileInfoResponse message;
    head(message, reply.path, reply.error);
    message.set_file_opened(reply.opened != 0);
    if (const cpipe_mefs_info *info = reply.info) {
        int count = static_cast<int>(info->channels);
        message.set_number_of_channels(count);
        eachName(info->names, [&](const char *name, size_t size) { message.add_channel_names(name, size); });
        message.set_start_uutc(info->start);
        message.set_end_uutc(info->end);
        message.set_duration_s(info->duration);
        message.mutable_channel_sampling_rates()->Add(info->rates, info->rates + count);
        message.mutable_channel_start_uutc()->Add(info->starts, info->starts + count);
        message.mutable_channel_end_uutc()->Add(info->ends, info->ends + count);
        if (info->served) message.mutable_channel_served_sampling_rates()->Add(info->served, info->served + count);
    }
    return bytes(message);
}

template <typename Message>
grpc::ByteBuffer number(const cpipe_mefs_reply &reply) {
    Message message;
    head(message, reply.path, reply.error);
    message.set_number_of_segments(reply.number);
    return bytes(message);
}

template <typename Message>
grpc::ByteBuffer channels(const cpipe_mefs_reply &reply) {
    Message message;
    head(message, reply.path, reply.error);
    eachName(reply.names, [&](const char *name, size_t size) { message.add_active_channels(name, size); });
    return bytes(message);
}

grpc::ByteBuffer paths(const cpipe_mefs_reply &reply) {
    ListOpenFilesResponse message;
    if (reply.error != nullptr) message.set_error_message(string(*reply.error));
    eachName(reply.names, [&](const char *name, size_t size) { message.add_file_paths(name, size); });
    return bytes(message);
}

}  // namespace

int method(const std::string &path) {
    const std::string service = "/gRPCMef3Server/";
    if (path.compare(0, service.size(), service) != 0) return -1;
    for (int index = 0; index <= CPIPE_MEFS_GET_ENVELOPE; index++)
        if (path.compare(service.size(), std::string::npos, methods[index]) == 0) return index;
    return -1;
}

bool parse(int method, const grpc::ByteBuffer &buffer, Request &request) {
    grpc::Slice slice;
    if (!buffer.DumpToSingleSlice(&slice).ok()) return false;
    const std::string bytes(reinterpret_cast<const char *>(slice.begin()), slice.size());
    cpipe_mefs_request &fields = request.fields;
    fields.method = method;
    switch (method) {
        case CPIPE_MEFS_OPEN_FILE: {
            auto message = read<OpenFileRequest>(bytes, request);
            if (message != nullptr) fields.has_cache_fs = message->has_cache_fs();
            return path(message, request);
        }
        case CPIPE_MEFS_LIST_OPEN_FILES: return read<ListOpenFilesRequest>(bytes, request) != nullptr;
        case CPIPE_MEFS_SET_SIGNAL_SEGMENT_SIZE: {
            auto message = read<SetSignalSegmentRequest>(bytes, request);
            if (message != nullptr) fields.number = message->seconds();
            return path(message, request);
        }
        case CPIPE_MEFS_GET_SIGNAL_SEGMENT: {
            auto message = read<SignalChunkRequest>(bytes, request);
            if (message != nullptr) fields.number = message->chunk_idx();
            return path(message, request);
        }
        case CPIPE_MEFS_SET_ACTIVE_CHANNELS:
            return pathAndNames(read<SetActiveChannelsRequest>(bytes, request), request);
        case CPIPE_MEFS_GET_ACTIVE_CHANNELS: return path(read<GetActiveChannelsRequest>(bytes, request), request);
        case CPIPE_MEFS_GET_SIGNAL_RANGE: {
            auto message = read<SignalRangeRequest>(bytes, request);
            if (!pathAndNames(message, request)) return false;
            fields.start = message->start_uutc();
            fields.end = message->end_uutc();
            fields.has_start = fields.has_end = 1;
            fields.has_points = message->has_n_points();
            return true;
        }
        case CPIPE_MEFS_GET_ENVELOPE: {
            auto message = read<EnvelopeRequest>(bytes, request);
            if (!pathAndNames(message, request)) return false;
            fields.start = message->start_uutc();
            fields.end = message->end_uutc();
            fields.has_start = message->has_start_uutc();
            fields.has_end = message->has_end_uutc();
            return true;
        }
        default: return path(read<FileInfoRequest>(bytes, request), request);
    }
}

grpc::ByteBuffer encode(int method, const cpipe_mefs_reply &reply) {
    switch (method) {
        case CPIPE_MEFS_LIST_OPEN_FILES: return paths(reply);
        case CPIPE_MEFS_SET_SIGNAL_SEGMENT_SIZE: return number<SetSignalSegmentResponse>(reply);
        case CPIPE_MEFS_GET_NUMBER_OF_SEGMENTS: return number<GetNumberOfSegmentsResponse>(reply);
        case CPIPE_MEFS_SET_ACTIVE_CHANNELS: return channels<SetActiveChannelsResponse>(reply);
        case CPIPE_MEFS_GET_ACTIVE_CHANNELS: return channels<GetActiveChannelsResponse>(reply);
        default: return info(reply);
    }
}

// Field by field in the order of their numbers, like any encoder, but with the samples where they are.
grpc::ByteBuffer encode(const cpipe_mefs_chunk &chunk) {
    SignalChunk first, rest;
    first.set_file_path(string(chunk.path));
    std::string front = first.SerializeAsString();
    if (chunk.bytes > 0) {
        front += '\x12';
        for (size_t count = chunk.bytes; ; count >>= 7) {
            front += static_cast<char>((count & 0x7F) | (count > 0x7F ? 0x80 : 0));
            if (count <= 0x7F) break;
        }
    }
    if (chunk.error == nullptr) {
        rest.set_dtype(chunk.type);
        rest.add_shape(chunk.rows);
        rest.add_shape(chunk.columns);
        rest.set_start_uutc(chunk.start);
        rest.set_end_uutc(chunk.end);
        rest.set_fs(chunk.rate);
        eachName(chunk.names, [&](const char *name, size_t size) { rest.add_channel_names(name, size); });
    }
    rest.set_error_message(chunk.error ? string(*chunk.error) : std::string());
    const grpc::Slice slices[] = {
        grpc::Slice(front),
        chunk.bytes > 0 ? grpc::Slice(chunk.samples, chunk.bytes, std::free) : grpc::Slice(),
        grpc::Slice(rest.SerializeAsString()),
    };
    if (chunk.bytes == 0) std::free(chunk.samples);
    return grpc::ByteBuffer(slices, 3);
}

grpc::ByteBuffer encode(const cpipe_mefs_envelope &envelope) {
    ChannelEnvelope message;
    head(message, envelope.path, envelope.error);
    message.set_channel_name(string(envelope.channel));
    message.mutable_start_uutc()->Add(envelope.starts, envelope.starts + envelope.count);
    message.mutable_end_uutc()->Add(envelope.ends, envelope.ends + envelope.count);
    message.mutable_min()->Add(envelope.minima, envelope.minima + envelope.count);
    message.mutable_max()->Add(envelope.maxima, envelope.maxima + envelope.count);
    return bytes(message);
}

}  // namespace mefs
