// faults/fault.h
//
// Misfortunes, as values.  A fault says what happens and to whom; a Misfortune also
// says when.  Whoever draws them (swarm.h) and whoever inflicts them (sim/nemesis.h)
// know nothing of each other, so a schedule can be printed, cut and run again.
//
//     at 12 s   power_loss n1 after_effects=3 restart_after=120ms
//     on wal.segment.begun, the 2nd time, 5 ms later   crash $self
//
// Hosts are named as the scenario names them: "n1", "handlers"; $self is the host that
// reached the mark.  Times count from the beginning of the chaos.
//
// All of it is within *Allowed* of engine/io: nothing here breaks a promise made there.
// What loses data for good (loses_data) needs the leave of the run's budget.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/base/time.h"
#include "faults/bucket/bucket_outage.h"
#include "faults/clock/clock_step.h"
#include "faults/clock/clock_wobble.h"
#include "faults/disk/bit_rot.h"
#include "faults/disk/disk_full.h"
#include "faults/disk/disk_stall.h"
#include "faults/disk/read_errors.h"
#include "faults/disk/slow_disk.h"
#include "faults/disk/sync_errors.h"
#include "faults/disk/wipe_disk.h"
#include "faults/disk/write_errors.h"
#include "faults/network/bridge.h"
#include "faults/network/cut.h"
#include "faults/network/flap.h"
#include "faults/network/partition.h"
#include "faults/network/reset_connections.h"
#include "faults/network/slow_link.h"
#include "faults/network/swizzle.h"
#include "faults/process/blackout.h"
#include "faults/process/crash_at_mark.h"
#include "faults/process/crash_loop.h"
#include "faults/process/pause.h"
#include "faults/process/power_loss.h"
#include "faults/process/process_crash.h"
#include "faults/process/rolling_restart.h"
#include "faults/process/sigterm.h"
#include "faults/process/slow_process.h"

namespace perdure::faults {

// In the order of Kind.
using Fault =
    std::variant<ProcessCrash, PowerLoss, CrashAtMark, CrashLoop, Blackout, Pause, SlowProcess, Cut,
                 Partition, Bridge, Swizzle, Flap, SlowLink, ResetConnections, SlowDisk, DiskStall,
                 DiskFull, SyncErrors, ReadErrors, WriteErrors, BitRot, WipeDisk, ClockStep,
                 ClockWobble, BucketOutage, Sigterm, RollingRestart>;

struct Misfortune {
  Duration at = {};            // after the trigger, or else the beginning of the chaos
  std::uint64_t on_event = 0;  // trigger: the loop's event number; 0: none
  std::string on_mark;         // trigger: a trace event of this name; empty: none
  std::uint64_t nth = 1;       // ... for this time
  Fault fault;
};
using Schedule = std::vector<Misfortune>;  // those by time first, sorted

// Something small that went wrong by the weather's chance, by its address: the ordinal-th
// time that it could have gone wrong there.
struct Mishap {
  Kind kind = Kind::split;
  std::string where;  // "n1>n3", "n1"
  std::uint64_t ordinal = 0;
  friend auto operator<=>(const Mishap&, const Mishap&) = default;
};

Kind kind_of(const Fault&);
Duration* lasting(Fault&);            // how long it lasts, if it does: for who shortens it
std::string show(const Fault&);       // "power_loss n1 after_effects=3 restart_after=120ms"
std::string show(const Misfortune&);  // "at 12004ms power_loss ..."
std::string show(const Mishap&);      // "frame_loss n1>n3 number 417"
std::string show(Duration span);      // "120ms", "1503us"

}  // namespace perdure::faults
