// sdk/service.h
//
// What an endpoint serves: services, virtual objects and workflows, as lists of named
// functions.
//
//     sdk::object("Counter").exclusive("add", add).shared("get", get)
//     sdk::service("Greeter").handler("greet", greet)
//     sdk::workflow("Signup").run("run", signup).shared("click", click)
//
// A handler is anything that can be called with its context, and with its input if it has
// one; what input and output are is read off its type:
//
//     std::int64_t add(sdk::ObjectContext& ctx, std::int64_t by);
//     [&](sdk::Context& ctx, const Order& order) -> Receipt { ... }
//     void reset(sdk::ObjectContext& ctx);
//
// It may ask for less than it is given: `sdk::Context&` fits everywhere.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sdk/context.h"

namespace perdure::sdk {

// What the server is asked to do differently, for a service or for one handler; what is
// absent is as the server, or the service, has it.
struct Options {
  std::optional<std::string> documentation = {};
  std::map<std::string, std::string> metadata = {};
  std::optional<std::chrono::milliseconds> inactivity_timeout = {};  // then it is asked to suspend
  std::optional<std::chrono::milliseconds> abort_timeout = {};       // then it is cut off
  std::optional<std::chrono::milliseconds> journal_retention = {};
  std::optional<std::chrono::milliseconds> idempotency_retention = {};
  std::optional<std::chrono::milliseconds> workflow_retention = {};  // of a main handler only
  std::optional<bool> private_to_handlers = {};  // not to be called through the ingress
  std::optional<bool> lazy_state = {};           // state is fetched when it is asked for

  enum class WhenExhausted { pause, kill };
  struct Retry {
    std::optional<std::chrono::milliseconds> initial_interval = {};
    std::optional<std::chrono::milliseconds> max_interval = {};
    std::optional<double> factor = {};
    std::optional<std::uint32_t> attempts_max = {};  // the first one counts
    std::optional<WhenExhausted> when_exhausted = {};
  };
  Retry retry = {};
};

enum class ServiceKind { service, object, workflow };
enum class HandlerKind { plain, exclusive, shared, workflow };

struct Handler {
  std::string name;
  HandlerKind kind = HandlerKind::plain;
  std::function<std::string(Attempt&)> body;  // the answer's bytes
  std::string accepts, gives;                 // content types; "": no body
  bool input_required = false;
  Options options;
};

// How to call a function whose type was looked at.
template <class F>
struct Signature : Signature<decltype(&F::operator())> {};
template <class R, class C>
struct Signature<R (*)(C&)> {
  using Out = R;
  using In = Nothing;
  using Ctx = C;
  static constexpr bool takes_input = false;
};
template <class R, class C, class I>
struct Signature<R (*)(C&, I)> {
  using Out = R;
  using In = std::remove_cvref_t<I>;
  using Ctx = C;
  static constexpr bool takes_input = true;
};
template <class R, class L, class... Args>
struct Signature<R (L::*)(Args...) const> : Signature<R (*)(Args...)> {};
template <class R, class L, class... Args>
struct Signature<R (L::*)(Args...)> : Signature<R (*)(Args...)> {};

template <class Ctx, class F>
Handler make_handler(std::string_view name, HandlerKind kind, F function, Options options) {
  using Of = Signature<F>;
  using In = typename Of::In;
  using Out = OrNothing<typename Of::Out>;
  static_assert(std::is_base_of_v<typename Of::Ctx, Ctx>,
                "this handler asks for a context that such a handler does not get");
  auto body = [function = std::move(function)](Attempt& attempt) mutable -> std::string {
    Ctx context(attempt);
    const auto call = [&]() -> decltype(auto) {
      if constexpr (Of::takes_input) {
        return function(context, input_of<In>(attempt));
      } else {
        return function(context);
      }
    };
    if constexpr (std::is_void_v<typename Of::Out>) {
      call();
      return "";
    } else {
      return to_bytes(call());
    }
  };
  return {.name = std::string(name),
          .kind = kind,
          .body = std::move(body),
          .accepts = std::string(Serde<In>::accepts),
          .gives = std::string(Serde<ValueOf<Out>>::gives),
          .input_required = Serde<In>::required,
          .options = std::move(options)};
}

// What cannot be read can never be: no attempt will help.
template <class In>
In input_of(Attempt& attempt) {
  try {
    return Serde<In>::from_bytes(attempt.input().value.content);
  } catch (const std::invalid_argument& wrong) {
    throw TerminalError(std::string("bad input: ") + wrong.what(), 400);
  }
}

struct Service {
  ServiceKind kind = ServiceKind::service;
  std::string name;
  std::vector<Handler> handlers;
  Options options;
};

class PlainService : public Service {
 public:
  explicit PlainService(std::string_view named)
      : Service{.kind = ServiceKind::service, .name = std::string(named)} {}
  template <class F>
  PlainService& handler(std::string_view named, F function, Options wishes = {}) {
    handlers.push_back(
        make_handler<Context>(named, HandlerKind::plain, std::move(function), std::move(wishes)));
    return *this;
  }
  PlainService& with(Options wishes) { return options = std::move(wishes), *this; }
};

class Object : public Service {
 public:
  explicit Object(std::string_view named)
      : Service{.kind = ServiceKind::object, .name = std::string(named)} {}
  // Alone on its key.
  template <class F>
  Object& exclusive(std::string_view named, F function, Options wishes = {}) {
    handlers.push_back(make_handler<ObjectContext>(named, HandlerKind::exclusive,
                                                   std::move(function), std::move(wishes)));
    return *this;
  }
  // Beside others.
  template <class F>
  Object& shared(std::string_view named, F function, Options wishes = {}) {
    handlers.push_back(make_handler<SharedObjectContext>(named, HandlerKind::shared,
                                                         std::move(function), std::move(wishes)));
    return *this;
  }
  Object& with(Options wishes) { return options = std::move(wishes), *this; }
};

class Workflow : public Service {
 public:
  explicit Workflow(std::string_view named)
      : Service{.kind = ServiceKind::workflow, .name = std::string(named)} {}
  // Once for each key.  Its name is "run" by custom.
  template <class F>
  Workflow& run(std::string_view named, F function, Options wishes = {}) {
    handlers.push_back(make_handler<WorkflowContext>(named, HandlerKind::workflow,
                                                     std::move(function), std::move(wishes)));
    return *this;
  }
  template <class F>
  Workflow& shared(std::string_view named, F function, Options wishes = {}) {
    handlers.push_back(make_handler<SharedWorkflowContext>(named, HandlerKind::shared,
                                                           std::move(function), std::move(wishes)));
    return *this;
  }
  Workflow& with(Options wishes) { return options = std::move(wishes), *this; }
};

inline PlainService service(std::string_view name) { return PlainService(name); }
inline Object object(std::string_view name) { return Object(name); }
inline Workflow workflow(std::string_view name) { return Workflow(name); }

}  // namespace perdure::sdk
