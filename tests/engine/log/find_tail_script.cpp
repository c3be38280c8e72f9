// Asks find_tail() from text.  `nodes` begins anew: nodes n=3 copies=2, or with gone=3.  Each
// `says` adds or replaces one answer and prints the decision: says by=1 last=7 committed=5 sealed=1
// wiped=0.
#include "engine/log/find_tail.h"

#include <algorithm>

#include "engine/base/match.h"
#include "tests/support/script.h"

namespace perdure::log {
namespace {

class Bench {
 public:
  std::string operator()(const tests::Command& c) {
    if (c.verb == "nodes") {
      nodeset_.clear(), answers_.clear(), states_.clear();
      if (number(c, "gone") != 0) states_[NodeId(number(c, "gone"))] = StorageState::gone;
      for (std::uint64_t n = 1; n <= number(c, "n"); ++n) nodeset_.push_back({NodeId(n), {}, {}});
      replication_.copies = static_cast<std::uint32_t>(number(c, "copies"));
    } else if (c.verb == "says") {
      const NodeId by(number(c, "by"));
      std::erase_if(answers_, [&](const TailAnswer& a) { return a.node == by; });
      answers_.push_back({.node = by,
                          .last = Offset(number(c, "last")),
                          .known_committed = Offset(number(c, "committed")),
                          .sealed = number(c, "sealed") != 0,
                          .authoritative = number(c, "wiped") == 0});
    } else {
      return "no such verb: " + c.verb + "\n";
    }
    return show(find_tail(nodeset_, replication_, answers_,
                          lasting(nodeset_, replication_, states_))) +
           "\n";
  }

 private:
  static std::uint64_t number(const tests::Command& c, const std::string& field) {
    const auto found = c.fields.find(field);
    return found == c.fields.end() ? 0 : std::stoull(found->second);
  }

  static std::string show(const TailDecision& decision) {
    return match(
        decision, [](const AskMore&) { return std::string("ask more"); },
        [](const SealFirst&) { return std::string("seal the others first"); },
        [](const SealedAt& at) { return "sealed at " + std::to_string(at.last.raw()); },
        [](const OpenAt& at) { return "open at " + std::to_string(at.last.raw()); },
        [](const Repair& repair) {
          return "repair " + std::to_string(repair.first.raw()) + ".." +
                 std::to_string(repair.last.raw());
        });
  }

  std::vector<Member> nodeset_;
  Replication replication_;
  std::vector<TailAnswer> answers_;
  States states_;
};

}  // namespace
}  // namespace perdure::log

int main(int argc, char** argv) {
  const bool rewrite = argc > 2 && std::string_view(argv[2]) == "--rewrite";
  return tests::run_script(argv[1], rewrite, perdure::log::Bench());
}
