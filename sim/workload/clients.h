// sim/workload/clients.h
//
// Who uses the system: clients on hosts of their own, each doing one operation after the
// other over io::Http against the ingress, retrying as real ones do, and writing down
// what happened in a History.
//
//     pick a verb ─► POST, under an idempotency key or not ─► answer: returned
//                       ▲            │ 5xx, reset, timeout
//                       └── again ◄──┘ (without a key: gives up, fate unknown)
//
// After the heal a reader asks for every counter and list, until what was promised is
// there, and hands the result to the History's last checks.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "sim/check/history.h"
#include "sim/check/observers.h"
#include "sim/scenario.h"

namespace perdure::sim {

struct WorkloadOptions {
  std::uint32_t clients = 4;
  std::uint32_t operations = 25;                   // of each client
  std::uint32_t keys = 3;                          // few: they shall meet
  Duration gap = std::chrono::milliseconds(400);   // at most, between two operations
  Duration timeout = std::chrono::seconds(10);     // of one attempt
  std::vector<std::string> ingress = {"n1:8080"};  // one is drawn for each attempt
  double without_key = 0.2;  // operations sent once, without an idempotency key
  std::array<std::uint32_t, 8> weights = {5, 5, 3, 1, 1, 2, 1, 2};  // by Verb
};

inline constexpr std::size_t verbs_of_workload =
    std::tuple_size_v<decltype(WorkloadOptions::weights)>;

// As the plan of the run says, or else as by default.
WorkloadOptions workload_options(Experiment& experiment, WorkloadOptions otherwise = {});

class Workload {
 public:
  Workload(Experiment& experiment, WorkloadOptions options, History& history, Journals& journals);

  void start();  // the clients
  bool finished() const { return working_ == 0; }
  void start_reading();  // after the heal
  bool read_all() const { return read_; }

 private:
  struct Client;
  void tell(History::Step step, std::size_t number, const Operation& operation);
  void run_client(io::World& world, std::uint32_t number);
  void run_reader(io::World& world);

  Experiment& experiment_;
  const WorkloadOptions options_;
  History& history_;
  Journals& journals_;
  std::uint32_t working_ = 0;
  bool read_ = false;
};

}  // namespace perdure::sim
