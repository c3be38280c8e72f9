// Drives the placement policy from text.
//
//   node n=1 [zone=west] [use=usable|away|draining|gone]   there is, or has become
//   wish copies=3 [zones=2] [moves=2]
//   partitions count=4 │ pin p=0 n=2 │ unpin p=0 │ freeze p=0 │ thaw p=0
//   place                one step; tells what changed, or that it rests
//   rest                 steps until it rests; tells how many it took, and how it is
#include "engine/control/placement.h"

#include <algorithm>
#include <sstream>

#include "tests/support/script.h"

namespace perdure::control {
namespace {

class Bench {
 public:
  std::string operator()(const tests::Command& c) {
    if (c.verb == "node") return set_node(c), "";
    if (c.verb == "wish") return set_wish(c), "";
    if (c.verb == "partitions") return make(number(c, "count", 1)), "";
    if (c.verb == "pin") return line(c).pinned = NodeId(number(c, "n", 0)), "";
    if (c.verb == "unpin") return line(c).pinned.reset(), "";
    if (c.verb == "freeze") return line(c).frozen = true, "";
    if (c.verb == "thaw") return line(c).frozen = false, "";
    if (c.verb == "place") return step();
    if (c.verb == "rest") return rest();
    return "no such verb: " + c.verb + "\n";
  }

 private:
  static std::uint64_t number(const tests::Command& c, const std::string& field,
                              std::uint64_t otherwise) {
    const auto found = c.fields.find(field);
    return found == c.fields.end() ? otherwise : std::stoull(found->second);
  }
  PlanLine& line(const tests::Command& c) { return lines_.at(number(c, "p", 0)); }

  void set_node(const tests::Command& c) {
    const NodeId id(number(c, "n", 0));
    auto found = std::ranges::find(nodes_, id, &PlacedNode::id);
    if (found == nodes_.end()) found = nodes_.insert(nodes_.end(), {.id = id, .zone = {}});
    if (c.fields.contains("zone")) found->zone = c.fields.at("zone");
    const std::string use = c.fields.contains("use") ? c.fields.at("use") : "usable";
    found->use = use == "away"       ? NodeUse::away
                 : use == "draining" ? NodeUse::draining
                 : use == "gone"     ? NodeUse::gone
                                     : NodeUse::usable;
  }
  void set_wish(const tests::Command& c) {
    wish_ = {.copies = static_cast<std::uint32_t>(number(c, "copies", 1)),
             .zones = static_cast<std::uint32_t>(number(c, "zones", 1)),
             .moves_max = static_cast<std::uint32_t>(number(c, "moves", 2))};
  }
  void make(std::uint64_t count) {
    lines_.clear();
    for (std::uint64_t n = 0; n < count; ++n) {
      lines_.push_back({.partition = PartitionId(n), .replicas = {}});
    }
  }

  static std::string show(const PlanLine& line) {
    std::ostringstream out;
    out << 'p' << line.partition.raw() << ':';
    for (const NodeId replica : line.replicas) out << " n" << replica.raw();
    out << (line.leader ? ", leader n" + std::to_string(line.leader->raw()) : ", no leader");
    return out.str() + (line.frozen ? ", frozen\n" : "\n");
  }
  std::string step() {
    const std::vector<PlanLine> before = lines_;
    lines_ = place(nodes_, wish_, lines_);
    std::string text;
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      if (lines_[i] != before[i]) text += show(lines_[i]);
    }
    return text.empty() ? "rests\n" : text;
  }
  std::string rest() {
    int steps = 0;
    for (; steps < 100; ++steps) {
      const std::vector<PlanLine> before = lines_;
      lines_ = place(nodes_, wish_, lines_);
      if (lines_ == before) break;
    }
    std::string text = "after " + std::to_string(steps) + " steps\n";
    for (const PlanLine& each : lines_) text += show(each);
    return text;
  }

  std::vector<PlacedNode> nodes_;
  PlacementWish wish_;
  std::vector<PlanLine> lines_;
};

}  // namespace
}  // namespace perdure::control

int main(int argc, char** argv) {
  const bool rewrite = argc > 2 && std::string_view(argv[2]) == "--rewrite";
  return tests::run_script(argv[1], rewrite, perdure::control::Bench());
}
