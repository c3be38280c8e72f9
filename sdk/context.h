// sdk/context.h
//
// What a handler can do, as straight lines: each call is durable where it stands.
//
//     void checkout(WorkflowContext& ctx, const Order& order) {
//       auto payment = ctx.run("charge", [&] { return charge(order); });
//       ctx.object("Stock", order.item).call<void>("take", order.count).await();
//       ctx.sleep(24h);
//       ctx.service("Mail").send("ask_for_review", order);
//     }
//
//     Context                  calls, sends, run, sleep, awakeables, signals
//      ├─ SharedObjectContext  + key, reading state             may run beside others
//      │   └─ ObjectContext    + writing state                  alone on its key
//      └─ ... with Promises    Workflow- and SharedWorkflowContext
//
// Rules. Between these calls a handler must do the same in every attempt: what is drawn,
// asked of a clock, read from a file or another server belongs in a run. Not inside a
// run's closure, not in a destructor: calls of the context. No `catch (...)`.
//
// Any of them may throw TerminalError where it says that it waits (errors.h).
// Read first: examples/counter.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/bytes.h"
#include "sdk/future.h"

namespace perdure::sdk {

// How a run is tried again after an exception that is no TerminalError.  By default as
// the handler is, for ever or as the server's policy says.
struct RunOptions {
  std::optional<std::uint32_t> attempts_max;              // then it is a TerminalError
  std::optional<std::chrono::milliseconds> duration_max;  // the same, by time
  std::optional<std::chrono::milliseconds> delay;         // after the first, then longer
  double delay_factor = 2;
  std::chrono::milliseconds delay_max{10'000};
  bool blocks = false;  // it blocks its thread: runs on a pool, where there is one
};

using RequestHeaders = std::vector<std::pair<std::string, std::string>>;
struct CallOptions {
  std::optional<std::string> idempotency_key = {};
  RequestHeaders headers = {};
};
struct SendOptions {
  Duration delay = Duration::zero();
  std::optional<std::string> idempotency_key = {};
  RequestHeaders headers = {};
};

// The same draws in every attempt, other ones in every invocation.  Not for secrets.
class Draws {
 public:
  explicit Draws(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();
  std::uint64_t below(std::uint64_t n);  // n > 0
  std::string uuid();                    // version 4

 private:
  std::uint64_t state_;
};

// Another invocation, by its id.
class Invocation {
 public:
  Invocation(Attempt& attempt, std::string id) : attempt_(attempt), id_(std::move(id)) {}
  Invocation(Attempt& attempt, CompletionId id) : attempt_(attempt), pending_(id) {}

  const std::string& id();  // waits for it, when it was only just begun
  // Waits for its answer, as if we had called it.
  template <class T>
  Future<T> attach() {
    return future_of<T>(attempt_, of_completion(attempt_.replay().attach(id())));
  }
  // Its answer, if it has one by now.
  template <class T>
  std::optional<T> output() {
    return optional_of<T>(attempt_, of_completion(attempt_.replay().output_of(id()))).await();
  }
  void cancel();
  template <class T>
  void signal(std::string_view name, const T& value) {
    const std::string& whom = id();
    attempt_.replay().send_signal(whom, name, to_bytes(value));
  }

 private:
  Attempt& attempt_;
  std::string id_;
  std::optional<CompletionId> pending_;
};

// The answer of a call, and whom we called.
template <class T>
class Call : public Future<T> {
 public:
  Call(Attempt& attempt, Replay::Called ids)
      : Future<T>(future_of<T>(attempt, of_completion(ids.result))),
        invocation_(ids.invocation_id) {}
  Invocation invocation() const { return Invocation(this->attempt(), invocation_); }

 private:
  CompletionId invocation_;
};

// A service, or one object or workflow of it.
class Client {
 public:
  Client(Attempt& attempt, std::string_view service, std::string_view key)
      : attempt_(attempt), service_(service), key_(key) {}

  // On its way at once; await() the answer, or do not.
  template <class T, class In = Nothing>
  Call<T> call(std::string_view handler, const In& input = {}, const CallOptions& options = {}) {
    const Replay::Called ids = attempt_.replay().call(
        request(handler, to_bytes(input), options.headers, options.idempotency_key));
    attempt_.calls(ids);
    return Call<T>(attempt_, ids);
  }
  template <class In = Nothing>
  Invocation send(std::string_view handler, const In& input = {}, const SendOptions& options = {}) {
    return send_bytes(handler, to_bytes(input), options);
  }

  // Of a workflow: its main handler's answer, begun by whomever.
  template <class T>
  Future<T> attach() {
    return future_of<T>(attempt_, of_completion(attempt_.replay().attach(workflow())));
  }
  template <class T>
  std::optional<T> output() {
    return optional_of<T>(attempt_, of_completion(attempt_.replay().output_of(workflow()))).await();
  }

 private:
  CallRequest request(std::string_view handler, std::string parameter,
                      const RequestHeaders& headers,
                      const std::optional<std::string>& idempotency_key) const;
  Invocation send_bytes(std::string_view handler, std::string parameter,
                        const SendOptions& options);
  wire::WorkflowTarget workflow() const;

  Attempt& attempt_;
  std::string service_, key_;
};

// Somebody outside completes it, by its id.
template <class T>
class Awakeable : public Future<T> {
 public:
  Awakeable(Attempt& attempt, std::uint32_t signal)
      : Future<T>(future_of<T>(attempt, {.signals = {signal}})),
        id_(attempt.replay().awakeable_id(signal)) {}
  const std::string& id() const { return id_; }

 private:
  std::string id_;
};

class Context {
 public:
  explicit Context(Attempt& attempt)
      : attempt_(attempt), draws_(attempt.start().random_seed ^ hash64(attempt.start().id)) {}
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // --- who and what ---

  const std::string& invocation_id() const { return attempt_.start().debug_id; }
  // Of the request; lower-case names.
  std::optional<std::string> header(std::string_view name) const;
  RequestHeaders headers() const;

  // --- steps ---

  // Executes `closure` once in effect: what it gave, or the TerminalError that it threw, is
  // kept, and is what later attempts get.  Waits until it is.
  template <class F>
  auto run(std::string_view name, F&& closure, const RunOptions& options = {});

  void sleep(Duration span, std::string_view name = "") { timer(span, name).await(); }
  Future<void> timer(Duration span, std::string_view name = "") {
    return timer_of(attempt_, span, name);
  }
  // The clock's time at the first attempt, kept.
  WallTime now();
  Draws& draws() { return draws_; }

  // --- others ---

  Client service(std::string_view name) { return Client(attempt_, name, ""); }
  Client object(std::string_view name, std::string_view key) { return Client(attempt_, name, key); }
  Client workflow(std::string_view name, std::string_view key) {
    return Client(attempt_, name, key);
  }
  Invocation invocation(std::string_view id) { return Invocation(attempt_, std::string(id)); }

  template <class T>
  Awakeable<T> awakeable() {
    return Awakeable<T>(attempt_, attempt_.replay().awakeable());
  }
  template <class T>
  void resolve_awakeable(std::string_view id, const T& value) {
    attempt_.replay().complete_awakeable(id, to_bytes(value));
  }
  void reject_awakeable(std::string_view id, const TerminalError& why);
  // Sent to this invocation by that name.
  template <class T>
  Future<T> signal(std::string_view name) {
    return future_of<T>(attempt_, {.named_signals = {std::string(name)}});
  }

 protected:
  Attempt& attempt_;

 private:
  Attempt::RunPolicy policy_of(const RunOptions& options) const;

  Draws draws_;
};

// Of a virtual object, beside others on the same key.
class SharedObjectContext : public Context {
 public:
  using Context::Context;
  const std::string& key() const { return attempt_.start().key; }
  template <class T>
  std::optional<T> get(std::string_view name) {
    const MaybeBytes bytes = get_bytes(name);
    if (!bytes) return std::nullopt;
    return Serde<T>::from_bytes(*bytes);
  }
  std::vector<std::string> state_keys();

 private:
  MaybeBytes get_bytes(std::string_view name);
};

// Of a virtual object, alone on its key.
class ObjectContext : public SharedObjectContext {
 public:
  using SharedObjectContext::SharedObjectContext;
  template <class T>
  void set(std::string_view name, const T& value) {
    attempt_.replay().set(name, to_bytes(value));
  }
  void clear(std::string_view name) { attempt_.replay().clear(name); }
  void clear_all() { attempt_.replay().clear_all(); }
};

// A value of a workflow that is given once, and waited for by whoever wants it.
template <class T>
class Promise {
 public:
  Promise(Attempt& attempt, std::string_view name) : attempt_(attempt), name_(name) {}
  Future<T> get() {
    return future_of<T>(attempt_, of_completion(attempt_.replay().promise(name_)));
  }
  T await() { return get().await(); }
  std::optional<T> peek() {
    return optional_of<T>(attempt_, of_completion(attempt_.replay().peek_promise(name_))).await();
  }
  // Waits; throws when it has been completed before.
  void resolve(const OrNothing<T>& value) { complete(to_bytes(value)); }
  void reject(const TerminalError& why) {
    complete(wire::Failure{.code = why.code(), .message = why.what()});
  }

 private:
  void complete(const Replay::Answer& answer) {
    future_of<void>(attempt_, of_completion(attempt_.replay().complete_promise(name_, answer)))
        .await();
  }
  Attempt& attempt_;
  std::string name_;
};

class Promises {
 public:
  explicit Promises(Attempt& attempt) : attempt_of_promises_(attempt) {}
  template <class T>
  Promise<T> promise(std::string_view name) {
    return Promise<T>(attempt_of_promises_, name);
  }

 private:
  Attempt& attempt_of_promises_;
};

// The main handler of a workflow: runs once for each key.
class WorkflowContext : public ObjectContext, public Promises {
 public:
  explicit WorkflowContext(Attempt& attempt) : ObjectContext(attempt), Promises(attempt) {}
};

// Handlers beside it.
class SharedWorkflowContext : public SharedObjectContext, public Promises {
 public:
  explicit SharedWorkflowContext(Attempt& attempt)
      : SharedObjectContext(attempt), Promises(attempt) {}
};

template <class F>
auto Context::run(std::string_view name, F&& closure, const RunOptions& options) {
  using T = std::invoke_result_t<F&>;
  const std::string bytes = attempt_.run_once(name, policy_of(options), [&closure]() {
    if constexpr (std::is_void_v<T>) {
      closure();
      return std::string();
    } else {
      return to_bytes(closure());
    }
  });
  if constexpr (!std::is_void_v<T>) return Serde<ValueOf<T>>::from_bytes(bytes);
}

}  // namespace perdure::sdk
