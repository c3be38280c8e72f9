#include "sim/budget.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

#include "faults/catalogue.h"

namespace perdure::sim {

namespace {

// Whose disk the fault takes; empty for all that heals.
std::string loser_of(const faults::Fault& fault) {
  if (const auto* rot = std::get_if<faults::BitRot>(&fault)) return rot->host;
  if (const auto* wipe = std::get_if<faults::WipeDisk>(&fault)) return wipe->host;
  return {};
}

}  // namespace

void Budget::add_set(std::string name, std::set<std::string> hosts, std::uint32_t disks_to_lose) {
  sets_[std::move(name)] = {.hosts = std::move(hosts), .disks_to_lose = disks_to_lose};
}

std::set<std::string> Budget::lost_in(const Set& set) const {
  std::set<std::string> lost;
  std::ranges::set_intersection(set.hosts, lost_, std::inserter(lost, lost.begin()));
  return lost;
}

Result<void> Budget::spend(const faults::Fault& fault) {
  const std::string host = loser_of(fault);
  if (host.empty() || lost_.contains(host)) return {};
  const auto refuse = [&](std::string why) -> Result<void> {
    refused_.push_back(show(fault) + ": " + why);
    return fail(Code::full, std::move(why));
  };
  bool in_a_set = false;
  for (const auto& [name, set] : sets_) {
    if (!set.hosts.contains(host)) continue;
    in_a_set = true;
    const std::size_t lost = lost_in(set).size();
    if (lost >= set.disks_to_lose) {
      return refuse(
          fmt::format("{} has lost {} of the {} disks it may lose", name, lost, set.disks_to_lose));
    }
  }
  if (!in_a_set) return refuse(host + " has the only copy of what it stores");
  lost_.insert(host);
  return {};
}

std::string Budget::explain() const {
  std::string text;
  for (const auto& [name, set] : sets_) {
    const std::set<std::string> lost = lost_in(set);
    text += lost.empty() ? fmt::format("budget: {} lost no disk", name)
                         : fmt::format("budget: {} lost the disks of {}, {} of the {} it may lose",
                                       name, fmt::join(lost, " "), lost.size(), set.disks_to_lose);
    text += "\n";
  }
  if (sets_.empty()) text += "budget: no disk was lost\n";
  if (!refused_.empty()) {
    text += fmt::format("budget: {} misfortunes were refused, the last: {}\n", refused_.size(),
                        refused_.back());
  }
  return text + "so all that was needed is there: being stuck is a fault of the system\n";
}

}  // namespace perdure::sim
