#include "engine/log/quorum.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace perdure::log {
namespace {

using Zone = std::pair<std::string_view, std::string_view>;  // region, zone

bool has(const Nodes& nodes, NodeId node) { return std::ranges::find(nodes, node) != nodes.end(); }

template <class T>
void insert(std::vector<T>& set, const T& item) {
  if (std::ranges::find(set, item) == set.end()) set.push_back(item);
}

// How far a set of nodes reaches.
struct Reach {
  std::uint32_t copies = 0;
  std::vector<Zone> zones;
  std::vector<std::string_view> regions;

  void add(const Member& member) {
    ++copies;
    insert(zones, Zone(member.region, member.zone));
    insert(regions, std::string_view(member.region));
  }
  std::uint32_t zones_missing(Replication r) const {
    return r.zones - std::min(r.zones, static_cast<std::uint32_t>(zones.size()));
  }
  std::uint32_t regions_missing(Replication r) const {
    return r.regions - std::min(r.regions, static_cast<std::uint32_t>(regions.size()));
  }
  std::uint32_t copies_missing(Replication r) const {
    return r.copies - std::min(r.copies, copies);
  }
  bool suffices(Replication r) const {
    return copies_missing(r) == 0 && zones_missing(r) == 0 && regions_missing(r) == 0;
  }
};

Reach reach_of(const std::vector<Member>& nodeset, const Nodes& nodes) {
  Reach reach;
  for (const Member& member : nodeset) {
    if (has(nodes, member.node)) reach.add(member);
  }
  return reach;
}

Nodes all_of(const std::vector<Member>& nodeset) {
  Nodes all;
  for (const Member& member : nodeset) all.push_back(member.node);
  return all;
}

// One `name: number` of a replication's text, taken off its front.
Result<void> take_scope(std::string_view& text, Replication& replication) {
  const std::size_t colon = text.find(':');
  const std::size_t end = std::min(text.find(','), text.size());
  std::string_view number = text.substr(std::min(colon, text.size()));
  const std::string_view name = text.substr(0, std::min(colon, end));
  if (colon < end) number = text.substr(colon + 1, end - colon - 1);
  std::uint32_t copies = 0;
  const auto [stop, error] = std::from_chars(number.data(), number.data() + number.size(), copies);
  const bool understood =
      colon < end && error == std::errc() && copies > 0 && stop == number.data() + number.size();
  if (understood && name == "node") replication.copies = copies;
  if (understood && name == "zone") replication.zones = copies;
  if (understood && name == "region") replication.regions = copies;
  if (!understood || (name != "node" && name != "zone" && name != "region")) {
    return fail(Code::invalid, "'" + std::string(text.substr(0, end)) +
                                   "' is none of node: N, zone: N, region: N");
  }
  text.remove_prefix(std::min(end + 1, text.size()));
  return {};
}

}  // namespace

// --- replication as text ---

Result<Replication> parse_replication(std::string_view given) {
  std::string bare;
  for (const char c : given) {
    if (c != ' ') bare += c;
  }
  std::string_view text = bare;
  if (text.starts_with('{') && text.ends_with('}')) text = text.substr(1, text.size() - 2);
  const std::string whole = text.find(':') == text.npos ? "node:" + std::string(text) : "";
  if (!whole.empty()) text = whole;
  Replication replication;
  while (!text.empty()) TRY_VOID(take_scope(text, replication));
  replication.zones = std::max(replication.zones, replication.regions);
  replication.copies = std::max(replication.copies, replication.zones);
  return replication;
}

std::string to_text(Replication replication) {
  std::string text;
  if (replication.regions > 1) text += "region: " + std::to_string(replication.regions) + ", ";
  if (replication.zones > 1) text += "zone: " + std::to_string(replication.zones) + ", ";
  return "{" + text + "node: " + std::to_string(replication.copies) + "}";
}

// --- arithmetic ---

Result<void> check_nodeset(const std::vector<Member>& nodeset, Replication replication) {
  Nodes all;
  for (const Member& member : nodeset) {
    if (has(all, member.node)) {
      return fail(Code::invalid, "node " + std::to_string(member.node.raw()) + " is named twice");
    }
    all.push_back(member.node);
  }
  const bool makes_sense = 1 <= replication.regions && replication.regions <= replication.zones &&
                           replication.zones <= replication.copies;
  if (!makes_sense) {
    return fail(Code::invalid, "replication of " + std::to_string(replication.copies) +
                                   " copies in " + std::to_string(replication.zones) +
                                   " zones and " + std::to_string(replication.regions) +
                                   " regions");
  }
  if (!is_write_quorum(nodeset, replication, all)) {
    return fail(Code::invalid, "a nodeset of " + std::to_string(nodeset.size()) + " cannot hold " +
                                   to_text(replication));
  }
  return {};
}

// A set with enough nodes, zones and regions has a subset with exactly as many copies that
// spans as many: one node of each of those regions, of each further zone, and any others.
bool is_write_quorum(const std::vector<Member>& nodeset, Replication replication,
                     const Nodes& nodes) {
  return reach_of(nodeset, nodes).suffices(replication);
}

bool is_f_majority(const std::vector<Member>& nodeset, Replication replication,
                   const Nodes& nodes) {
  Nodes rest;
  for (const Member& member : nodeset) {
    if (!has(nodes, member.node)) rest.push_back(member.node);
  }
  if (!is_write_quorum(nodeset, replication, all_of(nodeset))) {
    return rest.empty() && !nodeset.empty();
  }
  return !is_write_quorum(nodeset, replication, rest);
}

// --- whose answers count ---

std::string_view name_of(StorageState state) {
  switch (state) {
    case StorageState::provisioning: return "provisioning";
    case StorageState::read_write: return "read-write";
    case StorageState::read_only: return "read-only";
    case StorageState::data_loss: return "data-loss";
    case StorageState::gone: return "gone";
    case StorageState::disabled: return "disabled";
  }
  return "?";
}

bool is_authoritative(StorageState state) {
  return state != StorageState::data_loss && state != StorageState::gone;
}

StorageState state_of(const States& states, NodeId node) {
  const auto found = states.find(node);
  return found == states.end() ? StorageState::provisioning : found->second;
}

std::string_view name_of(Certainty certainty) {
  switch (certainty) {
    case Certainty::none: return "none";
    case Certainty::best_effort: return "best effort";
    case Certainty::at_risk: return "at risk";
    case Certainty::certain: return "certain";
  }
  return "?";
}

Certainty f_majority(const std::vector<Member>& nodeset, Replication replication,
                     const States& states, const Nodes& nodes) {
  const Placement place = effective(nodeset, replication, states);
  Nodes authoritative;
  bool all_who_can = !place.nodeset.empty();
  for (const Member& member : place.nodeset) {
    if (!is_authoritative(state_of(states, member.node))) continue;
    if (has(nodes, member.node)) {
      authoritative.push_back(member.node);
    } else {
      all_who_can = false;
    }
  }
  if (is_f_majority(place.nodeset, place.replication, authoritative)) return Certainty::certain;
  if (is_f_majority(place.nodeset, place.replication, nodes)) return Certainty::at_risk;
  return all_who_can ? Certainty::best_effort : Certainty::none;
}

namespace {

template <class Counts>
Placement placement_of(const std::vector<Member>& nodeset, Replication replication, Counts counts) {
  Placement place;
  Reach reach;
  for (const Member& member : nodeset) {
    if (!counts(member.node)) continue;
    place.nodeset.push_back(member);
    reach.add(member);
  }
  if (place.nodeset.empty()) return {.nodeset = {}, .replication = replication};
  place.replication = {
      .copies = std::min(replication.copies, reach.copies),
      .zones = std::min(replication.zones, static_cast<std::uint32_t>(reach.zones.size())),
      .regions = std::min(replication.regions, static_cast<std::uint32_t>(reach.regions.size()))};
  return place;
}

}  // namespace

Placement effective(const std::vector<Member>& nodeset, Replication replication,
                    const States& states) {
  return placement_of(nodeset, replication, [&](NodeId node) {
    return state_of(states, node) != StorageState::disabled;
  });
}

Placement lasting(const std::vector<Member>& nodeset, Replication replication,
                  const States& states) {
  return placement_of(nodeset, replication, [&](NodeId node) {
    const StorageState state = state_of(states, node);
    return state != StorageState::disabled && state != StorageState::gone;
  });
}

// Front to back, leaving room for the zones and regions that are still wanted.
Nodes choose_copyset(const std::vector<Member>& nodeset, Replication replication,
                     const Nodes& usable) {
  Nodes chosen;
  Reach reach;
  for (const Member& member : nodeset) {
    if (!has(usable, member.node) || reach.suffices(replication)) continue;
    Reach with = reach;
    with.add(member);
    const std::uint32_t room = with.copies_missing(replication);
    if (room < std::max(with.zones_missing(replication), with.regions_missing(replication))) {
      continue;
    }
    chosen.push_back(member.node);
    reach = std::move(with);
  }
  for (const Member& member : nodeset) {
    if (reach.suffices(replication)) break;
    if (!has(usable, member.node) || has(chosen, member.node)) continue;
    chosen.push_back(member.node);
    reach.add(member);
  }
  return reach.suffices(replication) ? chosen : Nodes();
}

}  // namespace perdure::log
