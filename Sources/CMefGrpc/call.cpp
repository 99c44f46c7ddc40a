#include "call.h"

#include "shared.h"

#include <grpc/grpc.h>

namespace mefs {
namespace {

cpipe_mefs_text metadata(const grpc::CallbackServerContext &context, const char *key) {
    auto found = context.client_metadata().find(key);
    if (found == context.client_metadata().end()) return {nullptr, 0};
    return {found->second.data(), found->second.size()};
}

grpc_call *retained(grpc_call *call) {
    grpc_call_ref(call);
    return call;
}

}  // namespace

Call::Call(Shared &shared, int method, grpc::GenericCallbackServerContext *context)
    : shared_(shared), method_(method), context_(context), call_(retained(context->c_call())),
      due_(Clock::now() + shared.requestTime) {
    // gRPC orders what follows behind this by means the thread sanitizer cannot see; the lock says it in its words.
    { std::lock_guard<std::mutex> guard(lock_); }
    StartRead(&incoming_);
}

Call::~Call() { grpc_call_unref(call_); }

void Call::release() {
    if (owners_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

bool Call::isOverdue(Clock::time_point now) {
    std::lock_guard<std::mutex> guard(lock_);
    return !finished_ && now >= due_;
}

void Call::OnReadDone(bool ok) {
    {
        std::lock_guard<std::mutex> guard(lock_);
        reading_ = false;
        due_ = Clock::now() + shared_.serveTime;
        ok = ok && !cancelled_;
    }
    if (!ok) return finish(grpc::Status::CANCELLED);
    Request request;
    bool parsed = parse(method_, incoming_, request);
    incoming_.Clear();
    if (!parsed) return finish({grpc::StatusCode::INVALID_ARGUMENT, "the request is not a message of this method"});
    const std::string peer = context_->peer();
    request.fields.peer = {peer.data(), peer.size()};
    request.fields.client = metadata(*context_, "x-mef3io-client-id");
    request.fields.token = metadata(*context_, "authorization");
    retain();
    shared_.handlers.begin(shared_.handlers.context, reinterpret_cast<cpipe_mefs_call *>(this), &request.fields);
}

bool Call::attach(void *token) {
    std::lock_guard<std::mutex> guard(lock_);
    if (finished_ || cancelled_) return false;
    token_ = token;
    return true;
}

bool Call::send(grpc::ByteBuffer message) {
    {
        std::lock_guard<std::mutex> guard(lock_);
        if (cancelled_ || finished_ || writing_) return false;
        writing_ = true;
        due_ = Clock::now() + shared_.stallTime;
        outgoing_.Swap(&message);
    }
    // A cancellation from here on waits for OnWriteDone.
    StartWrite(&outgoing_);
    return true;
}

void Call::OnWriteDone(bool ok) {
    bool over;
    void *token;
    {
        std::lock_guard<std::mutex> guard(lock_);
        writing_ = false;
        due_ = Clock::now() + shared_.serveTime;
        outgoing_.Clear();
        over = !ok || cancelled_;
        token = token_;
    }
    if (token != nullptr) shared_.handlers.written(token, !over);
    if (over) finish(grpc::Status::CANCELLED);
}

void Call::finish(const grpc::Status &status) {
    {
        std::lock_guard<std::mutex> guard(lock_);
        if (finished_ || reading_ || writing_) return;
        finished_ = true;
    }
    Finish(status);
}

void Call::OnCancel() {
    void *token;
    {
        std::lock_guard<std::mutex> guard(lock_);
        cancelled_ = true;
        token = token_;
    }
    if (token != nullptr) shared_.handlers.cancelled(token);
    // Does nothing while something is under way: that fails next and ends the call.
    finish(grpc::Status::CANCELLED);
}

void Call::OnDone() {
    void *token;
    {
        std::lock_guard<std::mutex> guard(lock_);
        token = token_;
    }
    {
        std::lock_guard<std::mutex> guard(shared_.lock);
        shared_.calls.erase(this);
    }
    if (token != nullptr) shared_.handlers.ended(token);
    release();
}

}  // namespace mefs
