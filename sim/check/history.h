// sim/check/history.h
//
// What clients did and what came back, as one list, judged as it grows and at the end.
//
// Every operation carries a token of its own ("c3-17"), so every check is linear: a
// token is there or not, once or twice, here or there.
//
//     on-line, at each return          at the end, against what is stored
//     stable-answers                   acked-is-durable   every answered token is there
//     exactly-once (positions of one   exactly-once       no token twice; counts fit
//       key are distinct)              nothing-invented   no token that nobody sent
//     per-key-order (returned before   per-key-order      positions are what was answered
//       invoked keeps its order)
//
// An operation whose fate its client does not know may have happened, once.
//
// Not checked: what a `failed` answer of a handler means to others; reads in between.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sim/world/loop.h"

namespace perdure::sim {

enum class Verb { add, append, echo, nap, await, chain, spread, send };
std::string_view name_of(Verb);

enum class Fate {
  open,      // no answer yet
  answered,  // a 2xx: it happened (for send and spread: it will)
  refused,   // an answer that says it did not happen and never will
  unknown,   // the client gave up
};

struct Operation {
  std::uint32_t client = 0;
  Verb verb = Verb::echo;
  std::string key;         // of Counter or List; empty for services
  std::string token;       // unique
  bool idempotent = true;  // sent under an idempotency key, so retries are one
  std::uint32_t attempts = 0;
  Nanos invoked = 0, returned = 0;
  Fate fate = Fate::open;
  std::string answer;
};

// What was read after the heal, when everything that was promised had come true.
struct FinalRead {
  std::string key;
  bool list = false;
  std::string value;
  Nanos invoked = 0, returned = 0;
};

class History {
 public:
  using Report = std::function<void(Finding)>;
  explicit History(Report report) : report_(std::move(report)) {}

  // Who wants to know of each invoke, retry and return, at once.
  enum class Step { invoked, retried, returned };
  using Watch = std::function<void(Step, std::size_t number, const Operation&)>;
  void watch(Watch watch) { watch_ = std::move(watch); }

  std::size_t invoked(Operation operation);  // its number
  // Each attempt of a client that is not the first; it may double what is not idempotent.
  void retried(std::size_t number);
  void returned(std::size_t number, Nanos now, Fate fate, std::string answer);
  // A later answer to the same idempotency key.
  void answered_again(std::size_t number, std::string_view answer);

  // The end: what the server has for each key.
  void check_counter(std::string_view key, std::uint64_t count);
  void check_list(std::string_view key, const std::vector<std::string>& items);

  const std::vector<Operation>& operations() const { return operations_; }
  void read_back(FinalRead read) { final_reads_.push_back(std::move(read)); }
  const std::vector<FinalRead>& final_reads() const { return final_reads_; }

  std::set<std::string> keys(bool lists) const;
  // Tokens that must be in this list for certain, by now or soon.
  std::set<std::string> expected(std::string_view key) const;
  // What a read must at least, and may at most, see of a counter or list just now.
  std::uint64_t answered_adds(std::string_view key) const;  // the highest count told
  std::uint64_t sent_adds(std::string_view key) const;
  std::vector<std::string> answered_appends(std::string_view key) const;
  // Clients that gave up on an awakeable, which nobody resolves any more.
  std::uint64_t abandoned() const;

 private:
  void fail(std::string_view check, const Operation& operation, std::string detail);
  void check_position(const Operation& operation);

  void tell(Step step, std::size_t number) const;

  const Report report_;
  Watch watch_;
  std::vector<Operation> operations_;
  std::vector<FinalRead> final_reads_;
  // key and position: who was told so.
  std::map<std::pair<std::string, std::uint64_t>, std::size_t> counts_, positions_;
};

}  // namespace perdure::sim
