#include "faults/fault.h"

#include "engine/base/match.h"

namespace perdure::faults {

namespace {

std::string text(Duration span) {
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(span).count();
  if (micros % 1000 == 0) return std::to_string(micros / 1000) + "ms";
  return std::to_string(micros) + "us";
}

std::string cut_of(const std::optional<std::uint64_t>& effects) {
  return effects ? " after " + std::to_string(*effects) + " effects" : "";
}

std::string times(std::uint32_t n) { return " " + std::to_string(n) + " times"; }

}  // namespace

std::string show(const Fault& fault) {
  return match(
      fault,
      [](const ProcessCrash& f) {
        return "process_crash " + f.host + cut_of(f.after_effects) + ", back in " +
               text(f.restart_after);
      },
      [](const PowerLoss& f) {
        return "power_loss " + f.host + cut_of(f.after_effects) + ", back in " +
               text(f.restart_after);
      },
      [](const CrashAtMark& f) {
        return "crash_at_mark " + f.host + " at " + f.mark + " number " + std::to_string(f.nth) +
               (f.power_loss ? ", power lost" : "") + ", back in " + text(f.restart_after);
      },
      [](const Pause& f) { return "pause " + f.host + " for " + text(f.lasts); },
      [](const SlowProcess& f) {
        return "slow_process " + f.host + times(f.times) + " for " + text(f.lasts);
      },
      [](const Cut& f) {
        return std::string(f.breaking ? "cut_and_break " : "cut ") + f.from +
               (f.both_ways ? " <> " : " > ") + f.to + " for " + text(f.lasts);
      },
      [](const SlowLink& f) {
        return "slow_link " + f.from + " > " + f.to + times(f.times) + " for " + text(f.lasts);
      },
      [](const ResetConnections& f) { return "reset_connections " + f.from + " <> " + f.to; },
      [](const SlowDisk& f) {
        return "slow_disk " + f.host + times(f.times) + " for " + text(f.lasts);
      },
      [](const DiskFull& f) { return "disk_full " + f.host + " for " + text(f.lasts); },
      [](const SyncErrors& f) { return "sync_errors " + f.host + times(f.count); },
      [](const ReadErrors& f) { return "read_errors " + f.host + times(f.count); },
      [](const ClockStep& f) { return "clock_step " + f.host + " by " + text(f.by); },
      [](const BucketOutage& f) { return "bucket_outage for " + text(f.lasts); });
}

std::string show(const Misfortune& misfortune) {
  return "at " + text(misfortune.at) + " " + show(misfortune.fault);
}

}  // namespace perdure::faults
