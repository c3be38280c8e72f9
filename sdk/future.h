// sdk/future.h
//
// What will be known later: the answer of a call, the end of a timer, a promise.
//
//     Future<int> price = ctx.service("Shop").call<int>("price", item);   on its way
//     int cents = price.await();                                          waits here
//
//     auto [a, b] = all(first, second).await();      both, or the first failure
//     int fastest = race(first, second).await();     whoever is first, also a failure
//     int any_one = any(first, second).await();      the first success, or all failed
//     switch (select(answer, timer)) { ... }         which one is first; then await it
//     std::optional<int> some = price.await_for(5s); or nothing, when it takes longer
//
// Combined ones are futures again.  All of these have the same answer in every attempt.
//
// A future belongs to the context it came from and must not outlive the handler.  Waiting
// throws the TerminalError of what failed, or Cancelled (errors.h).
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "sdk/attempt.h"
#include "sdk/serde.h"

namespace perdure::sdk {

template <class T>
class Future {
 public:
  using Value = T;
  using Take = std::function<T(Attempt&)>;  // once there is an outcome

  Future(Attempt& attempt, wire::Future tree, Take take)
      : attempt_(&attempt), tree_(std::move(tree)), take_(std::move(take)) {}

  T await() const {
    attempt_->await(tree_);
    return take_(*attempt_);
  }
  // Nothing (void: false) when `longest` passes first.  What was begun goes on.
  auto await_for(Duration longest) const;

  Attempt& attempt() const { return *attempt_; }
  const wire::Future& tree() const { return tree_; }
  // Of one that has an outcome.
  T take() const { return take_(*attempt_); }

 private:
  Attempt* attempt_;
  wire::Future tree_;
  Take take_;
};

// Futures of one leaf.

inline wire::Future of_completion(CompletionId id) { return {.completions = {id}}; }

template <class T>
Future<T> future_of(Attempt& attempt, wire::Future leaf) {
  auto take = [leaf](Attempt& from) -> T {
    const MaybeBytes bytes = from.take(leaf);
    if constexpr (!std::is_void_v<T>) return Serde<T>::from_bytes(bytes.value_or(""));
  };
  return Future<T>(attempt, std::move(leaf), std::move(take));
}

// For what may be there or not: a void completion is nothing.
template <class T>
Future<std::optional<T>> optional_of(Attempt& attempt, wire::Future leaf) {
  auto take = [leaf](Attempt& from) -> std::optional<T> {
    const MaybeBytes bytes = from.take(leaf);
    if (!bytes) return std::nullopt;
    return Serde<T>::from_bytes(*bytes);
  };
  return Future<std::optional<T>>(attempt, std::move(leaf), std::move(take));
}

inline Future<void> timer_of(Attempt& attempt, Duration span, std::string_view name) {
  const WallTime wake_up = attempt.wall() + std::chrono::ceil<std::chrono::milliseconds>(span);
  return future_of<void>(attempt, of_completion(attempt.replay().sleep(wake_up, name)));
}

// Combinators.

template <class... Ts>
wire::Future combine(wire::Combinator how, const Future<Ts>&... parts) {
  return {.nested = {parts.tree()...}, .combinator = how};
}
template <class F>
wire::Future combine(wire::Combinator how, const std::vector<F>& parts) {
  wire::Future tree{.combinator = how};
  for (const F& part : parts) tree.nested.push_back(part.tree());
  return tree;
}

// The place of the part whose outcome was heard first, among those that succeeded, or of
// all when none did.
enum class Among { all, successes, failures };
inline std::size_t first_of(Attempt& attempt, const wire::Future& tree, Among among) {
  std::optional<std::size_t> best;
  std::uint64_t heard = 0;
  for (std::size_t i = 0; i < tree.nested.size(); ++i) {
    const std::optional<Replay::Outcome> outcome = attempt.replay().outcome(tree.nested[i]);
    if (!outcome) continue;
    if (among == Among::successes && !outcome->succeeded) continue;
    if (among == Among::failures && outcome->succeeded) continue;
    if (best && outcome->heard >= heard) continue;
    best = i;
    heard = outcome->heard;
  }
  return best ? *best : tree.nested.size();
}

template <class F, class T = typename F::Value>
Future<T> race(std::vector<F> parts) {
  CHECK(!parts.empty());
  Attempt& attempt = parts.front().attempt();
  wire::Future tree = combine(wire::Combinator::first_completed, parts);
  return Future<T>(attempt, tree, [tree, parts = std::move(parts)](Attempt& from) -> T {
    return parts[first_of(from, tree, Among::all)].take();
  });
}
template <class T, class... Ts>
  requires(std::is_same_v<T, Ts> && ...)
Future<T> race(const Future<T>& first, const Future<Ts>&... others) {
  return race(std::vector<Future<T>>{first, others...});
}

template <class F, class T = typename F::Value>
Future<T> any(std::vector<F> parts) {
  CHECK(!parts.empty());
  Attempt& attempt = parts.front().attempt();
  wire::Future tree = combine(wire::Combinator::first_succeeded_or_all_failed, parts);
  return Future<T>(attempt, tree, [tree, parts = std::move(parts)](Attempt& from) -> T {
    const std::size_t success = first_of(from, tree, Among::successes);
    return parts[success < parts.size() ? success : first_of(from, tree, Among::all)].take();
  });
}
template <class T, class... Ts>
  requires(std::is_same_v<T, Ts> && ...)
Future<T> any(const Future<T>& first, const Future<Ts>&... others) {
  return any(std::vector<Future<T>>{first, others...});
}

// A void's place in a tuple is std::monostate.
template <class T>
using InTuple = std::conditional_t<std::is_void_v<T>, std::monostate, T>;
template <class T>
InTuple<T> take_in_tuple(const Future<T>& future) {
  if constexpr (std::is_void_v<T>) {
    future.take();
    return {};
  } else {
    return future.take();
  }
}

template <class F, class T = typename F::Value>
auto all(std::vector<F> parts) {
  CHECK(!parts.empty());
  using Results = std::conditional_t<std::is_void_v<T>, void, std::vector<InTuple<T>>>;
  Attempt& attempt = parts.front().attempt();
  wire::Future tree = combine(wire::Combinator::all_succeeded_or_first_failed, parts);
  return Future<Results>(attempt, tree, [tree, parts = std::move(parts)](Attempt& from) -> Results {
    const std::size_t failure = first_of(from, tree, Among::failures);
    if (failure < parts.size()) parts[failure].take();  // throws
    if constexpr (!std::is_void_v<T>) {
      Results results;
      for (const F& part : parts) results.push_back(part.take());
      return results;
    }
  });
}
template <class T, class... Ts>
Future<std::tuple<InTuple<T>, InTuple<Ts>...>> all(const Future<T>& first,
                                                   const Future<Ts>&... others) {
  using Results = std::tuple<InTuple<T>, InTuple<Ts>...>;
  wire::Future tree = combine(wire::Combinator::all_succeeded_or_first_failed, first, others...);
  return Future<Results>(
      first.attempt(), tree,
      [tree, parts = std::tuple(first, others...)](Attempt& from) -> Results {
        const std::size_t failure = first_of(from, tree, Among::failures);
        std::size_t place = 0;
        std::apply(
            [&](const auto&... part) { ((place++ == failure ? void(part.take()) : void()), ...); },
            parts);  // throws when one failed
        return std::apply([](const auto&... part) { return Results{take_in_tuple(part)...}; },
                          parts);
      });
}

// Waits for the first to complete, well or not, and says which it was.
template <class T, class... Ts>
std::size_t select(const Future<T>& first, const Future<Ts>&... others) {
  const wire::Future tree = combine(wire::Combinator::first_completed, first, others...);
  first.attempt().await(tree);
  return first_of(first.attempt(), tree, Among::all);
}

template <class T>
auto Future<T>::await_for(Duration longest) const {
  const bool in_time = select(*this, timer_of(*attempt_, longest, "")) == 0;
  if constexpr (std::is_void_v<T>) {
    if (in_time) take();
    return in_time;
  } else {
    return in_time ? std::optional<T>(take()) : std::nullopt;
  }
}

}  // namespace perdure::sdk
