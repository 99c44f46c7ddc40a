#pragma once

#include "call.h"

#include <unordered_set>

namespace mefs {

struct Shared {
    cpipe_mefs_handlers handlers;
    std::chrono::milliseconds requestTime, stallTime, serveTime;
    size_t maxCalls;
    std::mutex lock;
    std::unordered_set<Call *> calls;
};

}  // namespace mefs
