// engine/wire/invocation.h
//
// What everybody says of an invocation: whom it calls, who called it, how it ended,
// how long its traces are kept.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/wire/codec.h"
#include "engine/wire/ids.h"
#include "engine/wire/service_protocol.h"

namespace perdure::wire {

enum class ServiceType : std::uint8_t { service = 0, virtual_object = 1, workflow = 2 };
enum class HandlerType : std::uint8_t {
  plain = 0,      // of a service: as many at once as there are calls
  exclusive = 1,  // of a virtual object: one at a time a key, in order of admission
  shared = 2,     // of a virtual object or workflow: beside the exclusive one, writes no state
  workflow = 3,   // a workflow's run: once a key
};
std::string_view name_of(ServiceType);  // "Service", "VirtualObject", "Workflow"
std::string_view name_of(HandlerType);  // "Plain", "Exclusive", "Shared", "Workflow"

struct Target {
  ServiceType service_type = ServiceType::service;
  HandlerType handler_type = HandlerType::plain;
  std::string service, key, handler;  // key is empty for services
  static constexpr auto fields = std::tuple(
      field(1, "service_type", &Target::service_type),
      field(2, "handler_type", &Target::handler_type), field(3, "service", &Target::service),
      field(4, "key", &Target::key), field(5, "handler", &Target::handler));

  std::string text() const;  // "Svc/handler" or "Obj/key/handler"
};

// An invocation that waits for something of another: "tell `invocation`, by a
// notification of this type under this completion id".
struct Waiter {
  InvocationId invocation;
  MessageType notification = MessageType::call_completion;
  std::uint32_t completion_id = 0;
  static constexpr auto fields = std::tuple(field(1, "invocation", &Waiter::invocation),
                                            field(2, "notification", &Waiter::notification),
                                            field(3, "completion_id", &Waiter::completion_id));
};

// How an invocation ended.
using Outcome = std::variant<std::monostate, Value, Failure>;

// How long what is left of it is kept after the end; 0: not at all.
struct Retention {
  std::chrono::milliseconds completion{0};
  std::chrono::milliseconds journal{0};
  static constexpr auto fields = std::tuple(field(1, "completion", &Retention::completion),
                                            field(2, "journal", &Retention::journal));
};

}  // namespace perdure::wire
