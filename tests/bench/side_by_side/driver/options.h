// What bench-driver was asked to do.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bench {

struct Target {
  std::string host;
  std::uint16_t port = 0;
  std::string authority() const { return host + ":" + std::to_string(port); }
};

enum class Scenario { echo, add, steps, chain, sleep, send, raw, readback, probe };

struct Options {
  std::vector<Target> targets;
  Scenario scenario = Scenario::echo;
  std::string scenario_name = "echo";
  int concurrency = 1;
  int connections = 0;  // 0: one for each 16 in flight, 16 at most
  int keys = 10000, payload = 64, steps = 3, sleep_ms = 1;
  double seconds = 10, warmup = 2, drain = 15;
  std::uint64_t requests = 0;  // 0: as many as fit into the seconds
  int timeline_ms = 0;         // 0: none
  bool idempotency = false, retry = false, verify = false, quickack = false;
  std::string run_id = "r", dump_expected, expected;

  bool is_for_a_while() const {
    return requests == 0 && scenario != Scenario::readback && scenario != Scenario::probe;
  }
};

// Ends the process when the command line says nothing that can be done.
Options parse(int argc, char** argv);

}  // namespace bench
