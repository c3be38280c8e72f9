// faults/fault.h
//
// Misfortunes, as values.  A fault says what happens and to whom; a Misfortune also
// says when.  Whoever draws them (swarm.h) and whoever inflicts them (sim/nemesis.h)
// know nothing of each other, so a schedule can be printed, cut and run again.
//
// Hosts are named as the scenario names them: "n1", "handlers".  Times count from the
// beginning of the run.
//
// All of it is within *Allowed* of engine/io: nothing here breaks a promise made there.
// What loses data for good (a wiped disk, rot) is not drawn, because with one copy of
// everything there would be nothing left to check.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/base/time.h"

namespace perdure::faults {

// The process ends, at once; the machine goes on.  Written bytes are kept.
struct ProcessCrash {
  std::string host;
  std::optional<std::uint64_t> after_effects;  // cut the next turn after so many effects
  Duration restart_after;
};
// The machine ends.  Unsynced bytes and names are kept, dropped or torn.
struct PowerLoss {
  std::string host;
  std::optional<std::uint64_t> after_effects;
  Duration restart_after;
};
// Crashes when the host reaches a mark (a trace event) for the n-th time from now on.
struct CrashAtMark {
  std::string host, mark;
  std::uint64_t nth = 1;
  bool power_loss = false;
  Duration restart_after;
};
struct Pause {  // the process is not scheduled
  std::string host;
  Duration lasts;
};
struct SlowProcess {  // every step takes so many times longer
  std::string host;
  std::uint32_t times;
  Duration lasts;
};
// Nothing passes from one to the other; connections time out if `breaking`.
struct Cut {
  std::string from, to;
  bool both_ways = true;
  bool breaking = false;
  Duration lasts;
};
struct SlowLink {
  std::string from, to;
  std::uint32_t times;
  Duration lasts;
};
struct ResetConnections {  // between these two, now
  std::string from, to;
};
struct SlowDisk {
  std::string host;
  std::uint32_t times;
  Duration lasts;
};
struct DiskFull {
  std::string host;
  Duration lasts;
};
struct SyncErrors {  // the next so many syncs fail; what they covered is in doubt
  std::string host;
  std::uint32_t count;
};
struct ReadErrors {  // the next so many reads fail
  std::string host;
  std::uint32_t count;
};
struct ClockStep {  // the wall clock jumps
  std::string host;
  Duration by;  // either sign
};
struct BucketOutage {
  Duration lasts;
};

using Fault = std::variant<ProcessCrash, PowerLoss, CrashAtMark, Pause, SlowProcess, Cut, SlowLink,
                           ResetConnections, SlowDisk, DiskFull, SyncErrors, ReadErrors, ClockStep,
                           BucketOutage>;

struct Misfortune {
  Duration at;
  Fault fault;
};
using Schedule = std::vector<Misfortune>;  // by `at`

std::string show(const Fault&);       // "power_loss n1 after 3 effects, back in 120ms"
std::string show(const Misfortune&);  // "at 12004ms power_loss ..."

}  // namespace perdure::faults
