// sim/rehearsal/rehearsal.h
//
// Handlers of one's own, played through with a whole server under the weather of a seed:
// the shortest way to a scenario.
//
//     class Transfers final : public sim::Rehearsal {
//       std::vector<sdk::Service> services() override { return {account(), bank()}; }
//       void client(sim::Client& client, std::uint32_t number) override { ... calls ... }
//       void judge(sim::Client& client) override { ... reads, and reports what is wrong ... }
//     };
//     sim::rehearsal<Transfers>("transfers", "Money is neither made nor lost.")
//
//     register ─► clients ──────────────► all done ─► power loss, restart ─► judge
//                 └─ chaos, 40 s ─┘ heal
//
// A seed makes one Rehearsal.  Its clients are fibers on hosts of their own; they may write
// down what they saw in its fields, since one thread runs them all.
//
// Judged besides what it reports: a handler that does not give the commands of its journal
// (journal-mismatch), journals of two attempts that disagree, a client or a judge that
// never comes to an end (liveness.stuck).
//
// For what this frame cannot do, write the scenario as a function: sim/scenario.h.
// Read: examples/own_simulation.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/world.h"
#include "sdk/service.h"
#include "sim/scenario.h"

namespace perdure::sim {

// A caller of the server, patient as real ones should be.
class Client {
 public:
  Client(Experiment& experiment, io::World& world, std::string name)
      : experiment_(experiment), world_(world), name_(std::move(name)) {}

  struct Answer {
    int status = 0;
    std::string body;
    bool ok() const { return status / 100 == 2; }
  };
  // POST to the ingress, "Counter/apples/add" with a body of JSON, or none; under one
  // idempotency key, again and again until there is an answer that stays.
  Answer call(std::string_view path, std::string_view json = "");
  // The same without a key: for handlers that change nothing, and for workflows, which
  // have a key already.
  Answer read(std::string_view path, std::string_view json = "");
  // The answer of a workflow that somebody began.
  Answer attach(std::string_view workflow, std::string_view key);
  // One try.  What became of it when there is no answer, nobody knows.
  Result<Answer> try_once(std::string_view path, std::string_view json,
                          std::string_view idempotency_key);

  std::uint64_t below(std::uint64_t n);  // a draw; n > 0
  void sleep(Duration);
  io::World& world() { return world_; }

  // Ends the run: a promise was broken.  `check` names it, "money-is-kept".
  void report(std::string check, std::string subject, std::string detail);

 private:
  Answer until_answered(const std::function<Result<Answer>()>& once);

  Experiment& experiment_;
  io::World& world_;
  const std::string name_;
  std::uint64_t calls_ = 0;
};

class Rehearsal {
 public:
  virtual ~Rehearsal() = default;
  // What is served; called at each start of the handlers' host.
  virtual std::vector<sdk::Service> services() = 0;
  virtual std::uint32_t clients() const { return 3; }
  // Returns when it has done what it wanted.
  virtual void client(Client& client, std::uint32_t number) = 0;
  // Once all have ended, in fair weather.
  virtual void judge(Client& client) = 0;
  virtual Duration chaos() const { return std::chrono::seconds(40); }
};

Verdict rehearse(Rehearsal& rehearsal, const Config& config);

// As an entry of scenarios.  `must_find`: see Scenario.
template <class R>
Scenario rehearsal(std::string_view name, std::string_view story, std::string_view must_find = {}) {
  return {.name = name,
          .story = story,
          .run =
              [](const Config& config) {
                R made;
                return rehearse(made, config);
              },
          .must_find = must_find};
}

}  // namespace perdure::sim
