#include "sim/nemesis.h"

#include <algorithm>

#include "engine/base/bytes.h"
#include "engine/base/match.h"
#include "faults/catalogue.h"
#include "sim/bucket/bucket.h"
#include "sim/disk/disk_store.h"
#include "sim/network/network.h"

namespace perdure::sim {

namespace {

constexpr std::string_view self = "$self";

struct PutIn {
  std::string_view host;
  void operator()(std::string_view, std::string& value) const {
    for (std::size_t at = value.find(self); at != value.npos; at = value.find(self)) {
      value.replace(at, self.size(), host);
    }
  }
  template <class Other>
  void operator()(std::string_view, Other&) const {}
};

faults::Fault with_self(faults::Fault fault, std::string_view host) {
  std::visit([&](auto& f) { f.fields(f, PutIn{host}); }, fault);
  return fault;
}

bool crashes_self(const faults::Fault& fault) {
  const auto* crash = std::get_if<faults::ProcessCrash>(&fault);
  const auto* power = std::get_if<faults::PowerLoss>(&fault);
  return (crash != nullptr && crash->host == self) || (power != nullptr && power->host == self);
}

}  // namespace

Nemesis::Nemesis(Universe& universe, Budget& budget, faults::Schedule schedule)
    : universe_(universe), budget_(budget), schedule_(std::move(schedule)) {}

// --- when ---

void Nemesis::begin() {
  for (const faults::Misfortune& misfortune : schedule_) {
    if (misfortune.on_event > 0) {
      universe_.loop.break_at(misfortune.on_event, [this, &misfortune, healed = healed_] {
        if (!*healed) after(misfortune.at, [this, &misfortune] { happen(misfortune.fault); });
      });
    } else if (!misfortune.on_mark.empty()) {
      on_marks_.push_back(
          {.misfortune = &misfortune, .hits_left = std::max<std::uint64_t>(misfortune.nth, 1)});
    } else {
      after(misfortune.at, [this, &misfortune] { happen(misfortune.fault); });
    }
  }
  if (on_marks_.empty()) return;
  universe_.recorder.watch([this](std::string_view host, std::string_view mark) {
    if (!*healed_) marked(host, mark);
  });
}

void Nemesis::marked(std::string_view host, std::string_view mark) {
  for (Waiting& waiting : on_marks_) {
    if (waiting.misfortune->on_mark != mark || waiting.hits_left == 0) continue;
    if (--waiting.hits_left > 0) continue;
    const faults::Misfortune& misfortune = *waiting.misfortune;
    if (misfortune.at.count() == 0 && crashes_self(misfortune.fault)) {
      const auto* power = std::get_if<faults::PowerLoss>(&misfortune.fault);
      const Duration back = power != nullptr
                                ? power->restart_after
                                : std::get<faults::ProcessCrash>(misfortune.fault).restart_after;
      tell(misfortune.fault);
      ++inflicted_;
      universe_.recorder.count(power != nullptr ? "fault.power_loss" : "fault.process_crash", 1);
      universe_.host(host).die_here(power != nullptr ? Death::power_loss : Death::process_crash,
                                    nanos(back));
      continue;
    }
    after(misfortune.at, [this, fault = with_self(misfortune.fault, host)] { happen(fault); });
  }
}

// Whom it concerns and how long it lasts stand in each fault under the same names.
void Nemesis::tell(const faults::Fault& fault) {
  Recorder& recorder = universe_.recorder;
  if (!recorder.telling()) return;
  Life life;
  Nanos lasts = 0;
  const auto concerns = [&](const std::string& name) {
    if (const Host* host = universe_.find_host(name)) life = {host->number(), host->incarnation()};
  };
  std::visit(
      [&](const auto& f) {
        if constexpr (requires { f.host; }) concerns(f.host);
        if constexpr (requires { f.from; }) concerns(f.from);
        if constexpr (requires { f.lasts; }) lasts = nanos(f.lasts);
      },
      fault);
  const std::string text = show(fault);
  const std::string_view name = std::string_view(text).substr(0, text.find(' '));
  recorder.tell_fault(life, name, text, lasts);
}

void Nemesis::after(Duration lasts, Loop::Action action) {
  universe_.loop.after(nanos(lasts), Life(), Kind::nemesis, 0,
                       [healed = healed_, action = std::move(action)]() mutable {
                         if (!*healed) action();
                       });
}

void Nemesis::happen(const faults::Fault& fault) {
  const std::string what = show(fault);
  const Result<void> allowed = budget_.spend(fault);
  universe_.loop.note(Life(), Kind::nemesis, hash64(what));
  if (!allowed) {
    universe_.recorder.tell(
        {.what = trace::What::nemesis, .name = "refused", .detail = allowed.error().detail});
    return;
  }
  tell(fault);
  ++inflicted_;
  universe_.recorder.count("fault." + std::string(faults::entry(kind_of(fault)).name), 1);
  inflict(fault);
}

// --- what ---

void Nemesis::crash(Host& host, Death death, const std::optional<std::uint64_t>& effects,
                    Duration restart_after) {
  if (!host.up()) return;
  if (effects) return host.crash_in_turn(death, *effects, nanos(restart_after));
  host.crash(death);
  host.restart_after(nanos(restart_after));
}

void Nemesis::crash_again(const std::string& name, std::uint32_t times, Duration within) {
  Host* host = universe_.find_host(name);
  if (host == nullptr || times == 0) return;
  const auto parity = times % 2;
  crash(*host, parity == 0 ? Death::process_crash : Death::power_loss, std::nullopt, Duration());
  after(within, [this, name, times, within] { crash_again(name, times - 1, within); });
}

std::vector<std::string> Nemesis::all_but(const std::vector<std::string>& side) const {
  std::vector<std::string> others;
  for (const auto& host : universe_.hosts()) {
    if (std::ranges::find(side, host->name()) == side.end()) others.push_back(host->name());
  }
  return others;
}

void Nemesis::cut_off(const std::vector<std::string>& side, const std::vector<std::string>& others,
                      bool both_ways, bool breaking, Duration lasts) {
  for (const std::string& from : side) {
    for (const std::string& to : others) {
      Host* one = universe_.find_host(from);
      Host* two = universe_.find_host(to);
      if (one == nullptr || two == nullptr || one == two) continue;
      universe_.network().cut(*one, *two, nanos(lasts), both_ways, breaking);
    }
  }
}

void Nemesis::flap(const faults::Flap& fault, Nanos until) {
  if (universe_.loop.now() >= until) return;
  cut_off({fault.from}, {fault.to}, true, false, fault.every / 2);
  after(std::max<Duration>(fault.every, std::chrono::milliseconds(1)),
        [this, fault, until] { flap(fault, until); });
}

void Nemesis::wobble(const faults::ClockWobble& fault, Nanos until, bool back) {
  Host* host = universe_.find_host(fault.host);
  if (host == nullptr || (universe_.loop.now() >= until && back)) return;
  host->clocks().step_wall(back ? -fault.by : fault.by);
  after(std::max<Duration>(fault.every, std::chrono::milliseconds(1)),
        [this, fault, until, back] { wobble(fault, until, !back); });
}

void Nemesis::inflict(const faults::Fault& fault) {
  const auto with_host = [this](const std::string& name, auto&& act) {
    if (Host* host = universe_.find_host(name)) act(*host);
  };
  const auto with_link = [this](const std::string& from, const std::string& to, auto&& act) {
    Host* one = universe_.find_host(from);
    Host* two = universe_.find_host(to);
    if (one != nullptr && two != nullptr && one != two) act(*one, *two);
  };
  const Nanos now = universe_.loop.now();
  match(
      fault,
      [&](const faults::ProcessCrash& f) {
        with_host(f.host, [&](Host& host) {
          crash(host, Death::process_crash, f.after_effects, f.restart_after);
        });
      },
      [&](const faults::PowerLoss& f) {
        with_host(f.host, [&](Host& host) {
          crash(host, Death::power_loss, f.after_effects, f.restart_after);
        });
      },
      [&](const faults::CrashAtMark& f) {
        with_host(f.host, [&](Host& host) {
          host.crash_at_mark(f.power_loss ? Death::power_loss : Death::process_crash, f.mark, f.nth,
                             nanos(f.restart_after));
        });
      },
      [&](const faults::CrashLoop& f) { crash_again(f.host, f.times, f.within); },
      [&](const faults::Blackout& f) {
        for (const auto& host : universe_.hosts()) {
          if (!host->helper()) crash(*host, Death::power_loss, std::nullopt, f.restart_after);
        }
      },
      [&](const faults::Pause& f) {
        with_host(f.host, [&](Host& host) { host.pause(nanos(f.lasts)); });
      },
      [&](const faults::SlowProcess& f) {
        with_host(f.host, [&](Host& host) {
          host.slow_steps(f.times);
          after(f.lasts, [&host] { host.slow_steps(1); });
        });
      },
      [&](const faults::Cut& f) { cut_off({f.from}, {f.to}, f.both_ways, f.breaking, f.lasts); },
      [&](const faults::Partition& f) {
        const auto side = faults::names_in(f.side);
        cut_off(side, all_but(side), f.both_ways, f.breaking, f.lasts);
      },
      [&](const faults::Bridge& f) {
        auto side = faults::names_in(f.side);
        auto not_others = side;
        not_others.push_back(f.host);
        std::vector<std::string> others;
        for (const std::string& name : all_but(not_others)) {
          if (!universe_.host(name).helper()) others.push_back(name);
        }
        cut_off(side, others, true, false, f.lasts);
      },
      [&](const faults::Swizzle& f) {
        // The first to fall silent is the last to be back.
        const auto hosts = faults::names_in(f.hosts);
        for (std::size_t i = 0; i < hosts.size(); ++i) {
          const auto silent = f.every * static_cast<int>(i);
          const auto lasts = f.every * static_cast<int>(2 * (hosts.size() - i) - 1);
          after(silent, [this, lasts, name = hosts[i]] {
            cut_off({name}, all_but({name}), true, false, lasts);
          });
        }
      },
      [&](const faults::Flap& f) { flap(f, now + nanos(f.lasts)); },
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
          after(f.lasts, [&host] { host.disk().slow(1); });
        });
      },
      [&](const faults::DiskStall& f) {
        with_host(f.host, [&](Host& host) { host.disk().stall_until(now + nanos(f.lasts)); });
      },
      [&](const faults::DiskFull& f) {
        with_host(f.host, [&](Host& host) { host.disk().full_until(now + nanos(f.lasts)); });
      },
      [&](const faults::SyncErrors& f) {
        with_host(f.host, [&](Host& host) { host.disk().fail_next_syncs(f.count); });
      },
      [&](const faults::ReadErrors& f) {
        with_host(f.host, [&](Host& host) { host.disk().fail_next_reads(f.count); });
      },
      [&](const faults::WriteErrors& f) {
        with_host(f.host, [&](Host& host) { host.disk().fail_next_writes(f.count); });
      },
      [&](const faults::BitRot& f) {
        with_host(f.host, [&](Host& host) { (void)host.disk().rot(f.where, f.bits); });
      },
      [&](const faults::WipeDisk& f) {
        with_host(f.host, [&](Host& host) {
          host.crash(Death::power_loss);
          host.wipe();
          host.restart_after(nanos(f.restart_after));
        });
      },
      [&](const faults::ClockStep& f) {
        with_host(f.host, [&](Host& host) { host.clocks().step_wall(f.by); });
      },
      [&](const faults::ClockWobble& f) { wobble(f, now + nanos(f.lasts), true); },
      [&](const faults::BucketOutage& f) { universe_.bucket().out_until(now + nanos(f.lasts)); },
      [&](const faults::Sigterm& f) {
        with_host(f.host, [&](Host& host) {
          host.tell_to_stop(nanos(f.patience), nanos(f.restart_after));
        });
      },
      [&](const faults::RollingRestart& f) {
        const auto hosts = faults::names_in(f.hosts);
        for (std::size_t i = 0; i < hosts.size(); ++i) {
          after(f.every * static_cast<int>(i), [this, f, name = hosts[i]] {
            Host* host = universe_.find_host(name);
            if (host != nullptr) host->tell_to_stop(nanos(f.patience), nanos(f.restart_after));
          });
        }
      });
}

void Nemesis::heal() {
  *healed_ = true;
  universe_.recorder.tell_healed();
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
