#include "sim/nemesis.h"

#include <fmt/format.h>

#include "engine/base/bytes.h"
#include "engine/base/match.h"
#include "sim/bucket/bucket.h"
#include "sim/disk/disk_store.h"
#include "sim/network/network.h"

namespace perdure::sim {

Nemesis::Nemesis(Universe& universe, faults::Schedule schedule)
    : universe_(universe), schedule_(std::move(schedule)) {}

void Nemesis::begin() {
  for (const faults::Misfortune& misfortune : schedule_) {
    universe_.loop.at(
        nanos(misfortune.at), Life(), Kind::nemesis, hash64(show(misfortune)),
        [this, &misfortune, healed = healed_] {
          if (*healed) return;
          ++inflicted_;
          universe_.recorder.say(fmt::format("{:>12.6f} {:>8} fault: {}",
                                             static_cast<double>(universe_.loop.now()) / 1e9,
                                             universe_.loop.event(), show(misfortune.fault)));
          inflict(misfortune.fault);
        });
  }
}

void Nemesis::undo_after(Duration lasts, Loop::Action undo) {
  universe_.loop.after(nanos(lasts), Life(), Kind::nemesis, 0,
                       [healed = healed_, undo = std::move(undo)]() mutable {
                         if (!*healed) undo();
                       });
}

void Nemesis::inflict(const faults::Fault& fault) {
  const auto crash = [this](const std::string& name, Death death,
                            const std::optional<std::uint64_t>& effects, Duration restart_after) {
    Host* host = universe_.find_host(name);
    if (host == nullptr || !host->up()) return;
    if (effects) return host->crash_in_turn(death, *effects, nanos(restart_after));
    host->crash(death);
    host->restart_after(nanos(restart_after));
  };
  const auto with_host = [this](const std::string& name, auto&& act) {
    if (Host* host = universe_.find_host(name)) act(*host);
  };
  const auto with_link = [this](const std::string& from, const std::string& to, auto&& act) {
    Host* one = universe_.find_host(from);
    Host* two = universe_.find_host(to);
    if (one != nullptr && two != nullptr && one != two) act(*one, *two);
  };
  match(
      fault,
      [&](const faults::ProcessCrash& f) {
        crash(f.host, Death::process_crash, f.after_effects, f.restart_after);
      },
      [&](const faults::PowerLoss& f) {
        crash(f.host, Death::power_loss, f.after_effects, f.restart_after);
      },
      [&](const faults::CrashAtMark& f) {
        with_host(f.host, [&](Host& host) {
          host.crash_at_mark(f.power_loss ? Death::power_loss : Death::process_crash, f.mark, f.nth,
                             nanos(f.restart_after));
        });
      },
      [&](const faults::Pause& f) {
        with_host(f.host, [&](Host& host) { host.pause(nanos(f.lasts)); });
      },
      [&](const faults::SlowProcess& f) {
        with_host(f.host, [&](Host& host) {
          host.slow_steps(f.times);
          undo_after(f.lasts, [&host] { host.slow_steps(1); });
        });
      },
      [&](const faults::Cut& f) {
        with_link(f.from, f.to, [&](Host& from, Host& to) {
          universe_.network().cut(from, to, nanos(f.lasts), f.both_ways, f.breaking);
        });
      },
      [&](const faults::SlowLink& f) {
        with_link(f.from, f.to, [&](Host& from, Host& to) {
          universe_.network().slow(from, to, f.times, nanos(f.lasts));
        });
      },
      [&](const faults::ResetConnections& f) {
        with_link(f.from, f.to,
                  [&](Host& from, Host& to) { universe_.network().reset_connections(from, to); });
      },
      [&](const faults::SlowDisk& f) {
        with_host(f.host, [&](Host& host) {
          host.disk().slow(f.times);
          undo_after(f.lasts, [&host] { host.disk().slow(1); });
        });
      },
      [&](const faults::DiskFull& f) {
        with_host(f.host, [&](Host& host) {
          host.disk().full_until(universe_.loop.now() + nanos(f.lasts));
        });
      },
      [&](const faults::SyncErrors& f) {
        with_host(f.host, [&](Host& host) { host.disk().fail_next_syncs(f.count); });
      },
      [&](const faults::ReadErrors& f) {
        with_host(f.host, [&](Host& host) { host.disk().fail_next_reads(f.count); });
      },
      [&](const faults::ClockStep& f) {
        with_host(f.host, [&](Host& host) { host.clocks().step_wall(f.by); });
      },
      [&](const faults::BucketOutage& f) {
        universe_.bucket().out_until(universe_.loop.now() + nanos(f.lasts));
      });
}

void Nemesis::heal() {
  *healed_ = true;
  universe_.recorder.say(fmt::format("{:>12.6f} {:>8} the world is healed",
                                     static_cast<double>(universe_.loop.now()) / 1e9,
                                     universe_.loop.event()));
  universe_.calm();
  universe_.network().heal();
  universe_.bucket().out_until(0);
  for (const auto& host : universe_.hosts()) {
    host->disk().heal();
    host->clocks().set_right();
    host->slow_steps(1);
    host->spare();
    if (!host->up()) host->restart_after(0);
  }
}

}  // namespace perdure::sim
