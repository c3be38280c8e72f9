// Asks the arithmetic of quorums and nodesets.  Verbs:
//     replication TEXT                       how it is understood
//     nodes a b.w c.w.eu copies=2 in_zones=2 in_regions=1     name.zone.region; begins anew
//     state a=data_loss ...                  others are read_write
//     quorum a b | f_majority a b | copyset a b
//     choose partition=3 sequencer=a size=5  among the nodes; `away b c` are not alive
//     fitness a b c copies=2                 of a loglet on these, of that replication
#include <algorithm>
#include <sstream>

#include "engine/log/nodeset.h"
#include "tests/support/script.h"

namespace perdure::log {
namespace {

class Bench {
 public:
  std::string operator()(const tests::Command& c) {
    if (c.verb == "replication") return replication(c);
    if (c.verb == "nodes") return begin(c);
    if (c.verb == "state") return set_states(c);
    if (c.verb == "away") return away_ = nodes_of(c.words), "";
    if (c.verb == "choose") return choose(c);
    if (c.verb == "fitness") return fitness(c);
    const Nodes nodes = nodes_of(c.words);
    if (c.verb == "quorum") {
      return is_write_quorum(nodeset_, replication_, nodes) ? "yes\n" : "no\n";
    }
    if (c.verb == "f_majority") {
      return std::string(name_of(f_majority(nodeset_, replication_, states_, nodes))) + "\n";
    }
    if (c.verb == "copyset") return names(choose_copyset(nodeset_, replication_, nodes)) + "\n";
    return "no such verb: " + c.verb + "\n";
  }

 private:
  static std::uint64_t number(const tests::Command& c, const std::string& field,
                              std::uint64_t otherwise) {
    const auto found = c.fields.find(field);
    return found == c.fields.end() ? otherwise : std::stoull(found->second);
  }
  static NodeId node_of(const std::string& name) {
    return NodeId(static_cast<std::uint64_t>(name.at(0) - 'a') + 1);
  }
  static Nodes nodes_of(const std::vector<std::string>& words) {
    Nodes nodes;
    for (const std::string& word : words) nodes.push_back(node_of(word));
    return nodes;
  }
  static std::string names(const Nodes& nodes) {
    std::string text;
    for (const NodeId node : nodes) {
      if (!text.empty()) text += ' ';
      text += static_cast<char>('a' + static_cast<char>(node.raw() - 1));
    }
    return text.empty() ? "none" : text;
  }

  static std::string replication(const tests::Command& c) {
    std::string text;
    for (const std::string& word : c.words) text += word;
    const auto parsed = parse_replication(text);
    return (parsed ? to_text(*parsed) : parsed.error().detail) + "\n";
  }
  std::string begin(const tests::Command& c) {
    nodeset_.clear(), states_.clear(), away_.clear();
    for (const std::string& word : c.words) {
      std::istringstream parts(word);
      Member member;
      std::string name;
      std::getline(parts, name, '.');
      std::getline(parts, member.zone, '.');
      std::getline(parts, member.region, '.');
      member.node = node_of(name);
      states_[member.node] = StorageState::read_write;
      nodeset_.push_back(std::move(member));
    }
    replication_ = {.copies = static_cast<std::uint32_t>(number(c, "copies", 1)),
                    .zones = static_cast<std::uint32_t>(number(c, "in_zones", 1)),
                    .regions = static_cast<std::uint32_t>(number(c, "in_regions", 1))};
    return "";
  }
  std::string set_states(const tests::Command& c) {
    constexpr StorageState all[] = {StorageState::provisioning, StorageState::read_write,
                                    StorageState::read_only,    StorageState::data_loss,
                                    StorageState::gone,         StorageState::disabled};
    for (const auto& [name, wanted] : c.fields) {
      for (const StorageState state : all) {
        std::string text(name_of(state));
        std::ranges::replace(text, '-', '_');
        if (text == wanted) states_[node_of(name)] = state;
      }
      if (wanted == "unknown") states_.erase(node_of(name));
    }
    return "";
  }
  std::vector<Candidate> candidates() const {
    std::vector<Candidate> all;
    for (const Member& member : nodeset_) {
      all.push_back({.member = member,
                     .state = state_of(states_, member.node),
                     .alive = std::ranges::find(away_, member.node) == away_.end()});
    }
    return all;
  }

  std::string fitness(const tests::Command& c) {
    const Nodes nodes = nodes_of(c.words);
    std::vector<Member> open;
    for (const Member& member : nodeset_) {
      if (std::ranges::find(nodes, member.node) != nodes.end()) open.push_back(member);
    }
    Replication replication = replication_;
    replication.copies = static_cast<std::uint32_t>(number(c, "copies", replication.copies));
    switch (fitness_of(
        open, replication,
        {.partition = PartitionId(0), .replication = replication_, .sequencer = nodes.front()},
        candidates())) {
      case NodesetFitness::well: return "well\n";
      case NodesetFitness::could_be_better: return "could be better\n";
      case NodesetFitness::cannot_write: return "cannot be written to\n";
    }
    return "?\n";
  }

  std::string choose(const tests::Command& c) {
    const auto sequencer = c.fields.find("sequencer");
    const auto chosen = choose_nodeset(
        {.partition = PartitionId(number(c, "partition", 0)),
         .replication = replication_,
         .size = static_cast<std::uint32_t>(number(c, "size", 0)),
         .sequencer = sequencer == c.fields.end() ? NodeId(0) : node_of(sequencer->second)},
        candidates());
    if (!chosen)
      return std::string(name_of(chosen.error().code)) + ": " + chosen.error().detail + "\n";
    Nodes nodes;
    for (const Member& member : *chosen) nodes.push_back(member.node);
    return names(nodes) + "\n";
  }

  std::vector<Member> nodeset_;
  Replication replication_;
  States states_;
  Nodes away_;
};

}  // namespace
}  // namespace perdure::log

int main(int argc, char** argv) {
  const bool rewrite = argc > 2 && std::string_view(argv[2]) == "--rewrite";
  return tests::run_script(argv[1], rewrite, perdure::log::Bench());
}
