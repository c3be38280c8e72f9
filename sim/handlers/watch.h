// sim/handlers/watch.h
//
// Who wants to know what handlers see.  The checks do; they look on from outside of
// every host, at the moment it happens.
#pragma once

#include <cstdint>
#include <string_view>

namespace perdure::sim {

class HandlerWatch {
 public:
  virtual ~HandlerWatch() = default;
  // An attempt knows for whom it is; `exclusive` among all invocations of that key.
  virtual void began(std::string_view /*invocation*/, std::string_view /*service*/,
                     std::string_view /*key*/, std::string_view /*handler*/, bool /*exclusive*/) {}
  // What an attempt is told beside the journal: the same each time.
  virtual void started(std::string_view /*invocation*/, std::string_view /*told*/) {}
  // An attempt was given this journal: frames, in stored order, without the Start.
  virtual void replayed(std::string_view invocation, std::string_view frames) = 0;
  // The journal holds another command than this deterministic handler gives.
  virtual void mismatched(std::string_view invocation, std::string_view detail) = 0;
  // A run's closure was executed (at least once each is fine).
  virtual void ran(std::string_view invocation, std::string_view name) = 0;
  // A handler made an awakeable and told the outside of it, under the caller's token.
  virtual void awakeable(std::string_view token, std::string_view id) = 0;
  // A handler is about to send its output and its End.
  virtual void ended(std::string_view invocation) = 0;
};

}  // namespace perdure::sim
