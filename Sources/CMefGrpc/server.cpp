#include "shared.h"

#include <grpc/grpc.h>
#include <grpc/support/log.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <cstdio>

namespace {

// Ends at once: for methods that are not served, and when there is no room.
struct Refusal final : grpc::ServerGenericBidiReactor {
    explicit Refusal(const grpc::Status &status) { Finish(status); }
    void OnDone() override { delete this; }
};

struct Service final : grpc::CallbackGenericService {
    mefs::Shared shared;

    grpc::ServerGenericBidiReactor *CreateReactor(grpc::GenericCallbackServerContext *context) override {
        int method = mefs::method(context->method());
        if (method < 0) return new Refusal({grpc::StatusCode::UNIMPLEMENTED, "no method of this server"});
        std::lock_guard<std::mutex> guard(shared.lock);
        if (shared.calls.size() >= shared.maxCalls)
            return new Refusal({grpc::StatusCode::RESOURCE_EXHAUSTED, "too many calls at once, try again later"});
        auto call = new mefs::Call(shared, method, context);
        shared.calls.insert(call);
        return call;
    }
};

thread_local bool isStarting = false;

// gRPC writes to the standard error what start returns as an error too; everything else it says goes there as before.
void log(gpr_log_func_args *line) {
    if (!isStarting) std::fprintf(stderr, "grpc: %s\n", line->message);
}

struct Starting {
    Starting() {
        gpr_set_log_function(log);
        isStarting = true;
    }
    ~Starting() { isStarting = false; }
};

std::shared_ptr<grpc::ServerCredentials> credentials(const cpipe_mefs_options &options) {
    if (options.certificate == nullptr) return grpc::InsecureServerCredentials();
    grpc::SslServerCredentialsOptions tls(
        options.client_authority ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                                 : GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE);
    if (options.client_authority) tls.pem_root_certs = options.client_authority;
    tls.pem_key_cert_pairs.push_back({options.key ? options.key : "", options.certificate});
    return grpc::SslServerCredentials(tls);
}

mefs::Call *unwrapped(cpipe_mefs_call *call) { return reinterpret_cast<mefs::Call *>(call); }

}  // namespace

struct cpipe_mefs_server {
    Service service;
    std::unique_ptr<grpc::Server> server;
    int port = 0;
};

cpipe_mefs_server *cpipe_mefs_start(
    const cpipe_mefs_options *options, const cpipe_mefs_handlers *handlers, char *error, size_t room) try {
    Starting starting;
    auto result = std::make_unique<cpipe_mefs_server>();
    mefs::Shared &shared = result->service.shared;
    shared.handlers = *handlers;
    shared.requestTime = std::chrono::milliseconds(options->request_ms);
    shared.stallTime = std::chrono::milliseconds(options->stall_ms);
    shared.serveTime = std::chrono::milliseconds(options->serve_ms);
    shared.maxCalls = static_cast<size_t>(options->max_calls);
    grpc::ServerBuilder builder;
    builder.AddListeningPort(options->address, credentials(*options), &result->port);
    builder.RegisterCallbackGenericService(&result->service);
    builder.SetMaxReceiveMessageSize(options->max_request_bytes);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, options->keepalive_ms);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, options->keepalive_ms);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, options->idle_ms);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options->max_calls);
    // Otherwise a second server on the same port starts, and each gets some of the calls.
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    result->server = builder.BuildAndStart();
    if (result->server != nullptr && result->port != 0) return result.release();
    std::snprintf(error, room, "cannot listen on '%s': taken, not an address of this machine, or the certificate is bad",
                  options->address);
    return nullptr;
} catch (const std::exception &problem) {
    std::snprintf(error, room, "%s", problem.what());
    return nullptr;
}

int cpipe_mefs_port(const cpipe_mefs_server *server) { return server->port; }

int cpipe_mefs_calls(cpipe_mefs_server *server) {
    std::lock_guard<std::mutex> guard(server->service.shared.lock);
    return static_cast<int>(server->service.shared.calls.size());
}

void cpipe_mefs_tick(cpipe_mefs_server *server) {
    std::vector<mefs::Call *> overdue;
    {
        auto now = mefs::Clock::now();
        std::lock_guard<std::mutex> guard(server->service.shared.lock);
        for (mefs::Call *call : server->service.shared.calls) {
            if (!call->isOverdue(now)) continue;
            call->retain();
            overdue.push_back(call);
        }
    }
    for (mefs::Call *call : overdue) {
        call->cancel();
        call->release();
    }
}

void cpipe_mefs_stop(cpipe_mefs_server *server, int milliseconds) {
    server->server->Shutdown(std::chrono::system_clock::now() + std::chrono::milliseconds(milliseconds));
    server->server->Wait();
}

void cpipe_mefs_free(cpipe_mefs_server *server) { delete server; }

int cpipe_mefs_attach(cpipe_mefs_call *call, void *token) { return unwrapped(call)->attach(token); }

int cpipe_mefs_send_reply(cpipe_mefs_call *call, const cpipe_mefs_reply *reply) {
    return unwrapped(call)->send(mefs::encode(unwrapped(call)->method(), *reply));
}

int cpipe_mefs_send_chunk(cpipe_mefs_call *call, const cpipe_mefs_chunk *chunk) {
    return unwrapped(call)->send(mefs::encode(*chunk));
}

int cpipe_mefs_send_envelope(cpipe_mefs_call *call, const cpipe_mefs_envelope *envelope) {
    return unwrapped(call)->send(mefs::encode(*envelope));
}

void cpipe_mefs_finish(cpipe_mefs_call *call, int code, const char *words) {
    unwrapped(call)->finish({static_cast<grpc::StatusCode>(code), words});
}

void cpipe_mefs_cancel(cpipe_mefs_call *call) { unwrapped(call)->cancel(); }

void cpipe_mefs_release(cpipe_mefs_call *call) { unwrapped(call)->release(); }
