// One call: reads the request, writes messages one after another, ends.
#pragma once

#include "messages.h"

#include <grpcpp/generic/async_generic_service.h>

#include <atomic>
#include <chrono>
#include <mutex>

namespace mefs {

using Clock = std::chrono::steady_clock;

// What calls share with their server.
struct Shared;

// Held by gRPC until the last callback and by the receiver until it releases the call, whichever is later. No method of
// gRPC is called with the lock held: it may call back at once.
class Call final : public grpc::ServerGenericBidiReactor {
public:
    Call(Shared &shared, int method, grpc::GenericCallbackServerContext *context);

    bool attach(void *token);
    bool send(grpc::ByteBuffer message);
    void finish(const grpc::Status &status);
    void cancel() { grpc_call_cancel(call_, nullptr); }
    bool isOverdue(Clock::time_point now);
    void retain() { owners_.fetch_add(1, std::memory_order_relaxed); }
    void release();
    int method() const { return method_; }

    void OnReadDone(bool ok) override;
    void OnWriteDone(bool ok) override;
    void OnCancel() override;
    void OnDone() override;

private:
    ~Call() override;
    bool begin();

    Shared &shared_;
    const int method_;
    grpc::GenericCallbackServerContext *const context_;
    // A reference of our own, so that a call can be cancelled whatever becomes of it meanwhile.
    grpc_call *const call_;
    std::atomic<int> owners_{1};
    grpc::ByteBuffer incoming_, outgoing_;

    std::mutex lock_;
    // What is under way, which ends first when the call is cancelled.
    bool reading_ = true, writing_ = false;
    bool cancelled_ = false, finished_ = false;
    void *token_ = nullptr;
    // When the step under way must be over: the request, a message, or working out the next one.
    Clock::time_point due_;
};

}  // namespace mefs
