// Drives one node's failure detector from text.
//
//   open n=1 [suspect=3] [dead=6] [steady=3] [listen=0] [life=1] others=2,3
//   tick [by=1] [times=1]               by: how many intervals have passed since the last
//   hear from=2 of=2,3 [ages=0,4] [lives=1,1] [leaving=3]
//   lost of=2 │ found of=2 │ leave │ gossip │ show
#include "engine/control/failure_detector.h"

#include <optional>
#include <sstream>

#include "tests/support/script.h"

namespace perdure::control {
namespace {

class Bench {
 public:
  std::string operator()(const tests::Command& c) {
    std::ostringstream out;
    if (c.verb == "open") {
      open(c);
    } else if (c.verb == "tick") {
      for (std::uint64_t n = number(c, "times", 1); n > 0; --n) {
        detector_->tick(static_cast<std::uint32_t>(number(c, "by", 1)));
      }
    } else if (c.verb == "hear") {
      hear(c);
    } else if (c.verb == "lost") {
      detector_->lost(NodeId(number(c, "of", 0)));
    } else if (c.verb == "found") {
      detector_->found(NodeId(number(c, "of", 0)));
    } else if (c.verb == "leave") {
      detector_->leave();
    } else if (c.verb == "gossip") {
      for (const HeardOf& heard : detector_->gossip().heard) {
        out << 'n' << heard.node.raw() << " life " << heard.life.raw() << " age " << heard.age
            << (heard.leaving ? " leaving" : "") << '\n';
      }
    } else if (c.verb == "show") {
      for (const NodeId node : nodes_) {
        out << 'n' << node.raw() << ' ' << name_of(detector_->health(node))
            << (detector_->is_usable(node) ? ", usable" : "") << '\n';
      }
      if (detector_->is_lonely()) out << "lonely\n";
      if (detector_->is_superseded()) out << "superseded\n";
    } else {
      return "no such verb: " + c.verb + "\n";
    }
    for (const HealthChange& change : detector_->take_changes()) {
      out << 'n' << change.node.raw() << ' ' << name_of(change.before) << " -> "
          << name_of(change.after) << '\n';
    }
    return out.str();
  }

 private:
  static std::uint64_t number(const tests::Command& c, const std::string& field,
                              std::uint64_t otherwise) {
    const auto found = c.fields.find(field);
    return found == c.fields.end() ? otherwise : std::stoull(found->second);
  }
  static std::vector<std::uint64_t> numbers(const tests::Command& c, const std::string& field) {
    std::vector<std::uint64_t> found;
    if (!c.fields.contains(field)) return found;
    std::istringstream in(c.fields.at(field));
    for (std::string word; std::getline(in, word, ',');) found.push_back(std::stoull(word));
    return found;
  }

  void open(const tests::Command& c) {
    const NodeId self(number(c, "n", 1));
    const auto ticks = [&](const char* field, std::uint64_t otherwise) {
      return static_cast<std::uint32_t>(number(c, field, otherwise));
    };
    detector_.emplace(DetectorOptions{.suspect_after = ticks("suspect", 3),
                                      .dead_after = ticks("dead", 6),
                                      .steady_after = ticks("steady", 3),
                                      .listen_first = ticks("listen", 0)},
                      self, NodeLife(number(c, "life", 1)));
    nodes_ = {self};
    for (const std::uint64_t n : numbers(c, "others")) nodes_.emplace_back(n);
    detector_->watch(nodes_);
  }
  void hear(const tests::Command& c) {
    Gossip gossip{.from = NodeId(number(c, "from", 0)), .heard = {}};
    const auto of = numbers(c, "of"), ages = numbers(c, "ages"), lives = numbers(c, "lives");
    for (std::size_t i = 0; i < of.size(); ++i) {
      gossip.heard.push_back({.node = NodeId(of[i]),
                              .life = NodeLife(i < lives.size() ? lives[i] : 1),
                              .age = static_cast<std::uint32_t>(i < ages.size() ? ages[i] : 0),
                              .leaving = number(c, "leaving", 0) == of[i]});
    }
    detector_->hear(gossip);
  }

  std::optional<FailureDetector> detector_;
  std::vector<NodeId> nodes_;
};

}  // namespace
}  // namespace perdure::control

int main(int argc, char** argv) {
  const bool rewrite = argc > 2 && std::string_view(argv[2]) == "--rewrite";
  perdure::control::Bench bench;
  return tests::run_script(argv[1], rewrite, [&](const tests::Command& c) { return bench(c); });
}
