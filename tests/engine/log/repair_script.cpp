// Asks plan_repair() from text.  `nodes n=3 copies=2 gone=3` begins anew; `holds by=1 5..7 9` is a
// digest (trim=4, wiped=1, full=1); `plan 5..9` prints what is to be copied, `scrub 1..9` the
// same for every record of the range.
#include "engine/log/repair.h"

#include <sstream>

#include "engine/base/match.h"
#include "tests/support/script.h"

namespace perdure::log {
namespace {

struct Range {
  std::uint64_t first, last;
};
Range range_of(const std::string& text) {
  const auto dots = text.find("..");
  const std::uint64_t first = std::stoull(text);
  return {first, dots == text.npos ? first : std::stoull(text.substr(dots + 2))};
}

class Bench {
 public:
  std::string operator()(const tests::Command& c) {
    if (c.verb == "nodes") return begin(c);
    if (c.verb == "holds") return hold(c);
    if (c.verb != "plan" && c.verb != "scrub") return "no such verb: " + c.verb + "\n";
    const Range range = range_of(c.words.at(0));
    return show(plan_repair(nodeset_, replication_, digests_,
                            {.first = Offset(range.first),
                             .last = Offset(range.last),
                             .aim = c.verb == "plan" ? Aim::tail : Aim::copies},
                            lasting(nodeset_, replication_, states_)));
  }

 private:
  static std::uint64_t number(const tests::Command& c, const std::string& field) {
    const auto found = c.fields.find(field);
    return found == c.fields.end() ? 0 : std::stoull(found->second);
  }
  std::string begin(const tests::Command& c) {
    nodeset_.clear(), digests_.clear(), states_.clear();
    if (number(c, "gone") != 0) states_[NodeId(number(c, "gone"))] = StorageState::gone;
    const auto zones = c.fields.find("zones");
    for (std::uint64_t n = 1; n <= number(c, "n"); ++n) {
      const bool has_zone = zones != c.fields.end();
      nodeset_.push_back({NodeId(n), has_zone ? zones->second.substr(n - 1, 1) : "", {}});
    }
    replication_.copies = static_cast<std::uint32_t>(number(c, "copies"));
    replication_.zones =
        static_cast<std::uint32_t>(std::max<std::uint64_t>(1, number(c, "in_zones")));
    return "";
  }
  std::string hold(const tests::Command& c) {
    Digest digest{.node = NodeId(number(c, "by")),
                  .trim_point = Offset(number(c, "trim")),
                  .held = {},
                  .authoritative = number(c, "wiped") == 0,
                  .writable = number(c, "full") == 0};
    for (const std::string& word : c.words) {
      const Range range = range_of(word);
      for (std::uint64_t i = range.first; i <= range.last; ++i) digest.held.insert(i);
    }
    std::erase_if(digests_, [&](const Digest& d) { return d.node == digest.node; });
    digests_.push_back(std::move(digest));
    return "";
  }
  static std::string names(const Nodes& nodes) {
    std::string text;
    for (const NodeId node : nodes)
      text += (text.empty() ? "n" : ",n") + std::to_string(node.raw());
    return text;
  }
  static std::string show(const RepairDecision& decision) {
    return match(
        decision, [](const MoreDigests&) { return std::string("more digests\n"); },
        [](const Stuck& s) { return "stuck at " + std::to_string(s.at.raw()) + "\n"; },
        [](const RepairPlan& plan) {
          std::ostringstream out;
          for (const CopyOrder& order : plan.orders) {
            out << order.first.raw();
            if (order.last != order.first) out << ".." << order.last.raw();
            out << ": " << names(order.from) << " -> " << names(order.to) << '\n';
          }
          out << "[committed " << plan.committed.raw() << "]\n";
          return out.str();
        });
  }

  std::vector<Member> nodeset_;
  Replication replication_;
  std::vector<Digest> digests_;
  States states_;
};

}  // namespace
}  // namespace perdure::log

int main(int argc, char** argv) {
  const bool rewrite = argc > 2 && std::string_view(argv[2]) == "--rewrite";
  return tests::run_script(argv[1], rewrite, perdure::log::Bench());
}
