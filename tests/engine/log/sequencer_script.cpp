// Drives one Sequencer from text.  Verbs: open, submit, stored, sealed, lost, found, rewind,
// hedge, zones.
// Effects are taken after every command, unless it says hold=1: then they gather.
#include "engine/log/sequencer.h"

#include <optional>
#include <sstream>

#include "tests/support/script.h"

namespace perdure::log {
namespace {

class Bench {
 public:
  std::string operator()(const tests::Command& c) {
    if (c.verb == "open") {
      open(c);
    } else if (c.verb == "submit") {
      const auto at = sequencer_->submit(c.words.at(0));
      if (!at) return "refused: " + at.error().detail + "\n";
    } else if (c.verb == "stored") {
      sequencer_->stored(NodeId(number(c, "by", 0)), Offset(number(c, "to", 0)));
    } else if (c.verb == "sealed") {
      sequencer_->sealed(NodeId(number(c, "by", 0)));
    } else if (c.verb == "lost") {
      sequencer_->lost(NodeId(number(c, "node", 0)));
    } else if (c.verb == "found") {
      sequencer_->found(NodeId(number(c, "node", 0)));
    } else if (c.verb == "rewind") {
      sequencer_->rewind(NodeId(number(c, "node", 0)));
    } else if (c.verb == "hedge") {
      if (!sequencer_->hedge(NodeId(number(c, "slow", 0)))) return "no spare\n";
    } else {
      return "no such verb: " + c.verb + "\n";
    }
    sequencer_->check_invariants();
    return c.fields.contains("hold") ? "" : show();
  }

 private:
  static std::uint64_t number(const tests::Command& c, const std::string& field,
                              std::uint64_t otherwise) {
    const auto found = c.fields.find(field);
    return found == c.fields.end() ? otherwise : std::stoull(found->second);
  }

  void open(const tests::Command& c) {
    std::vector<Member> nodeset;
    // zones=aab: the zone of each node, one letter.
    const auto zones = c.fields.find("zones");
    for (std::uint64_t n = 1; n <= number(c, "nodes", 3); ++n) {
      const bool has_zone = zones != c.fields.end() && n <= zones->second.size();
      nodeset.push_back({NodeId(n), has_zone ? zones->second.substr(n - 1, 1) : "", {}});
    }
    sequencer_.emplace(
        SequencerOptions{
            .loglet = LogletId(7),
            .nodeset = std::move(nodeset),
            .replication = {.copies = static_cast<std::uint32_t>(number(c, "copies", 1)),
                            .zones = static_cast<std::uint32_t>(number(c, "in_zones", 1))},
            .window_records = static_cast<std::uint32_t>(number(c, "window", 100)),
            .window_bytes = number(c, "bytes", 1000)},
        Offset(1));
  }

  std::string show() {
    std::ostringstream out;
    const SequencerEffects effects = sequencer_->take_effects();
    for (const Store& s : effects.store) {
      out << "store " << s.first.raw();
      if (s.last != s.first) out << ".." << s.last.raw();
      out << " -> n" << s.to.raw() << '\n';
    }
    for (const Settled& s : effects.settled) {
      out << (s.outcome == Outcome::committed ? "committed " : "unknown ") << s.first.raw();
      if (s.last != s.first) out << ".." << s.last.raw();
      out << '\n';
    }
    out << "[committed " << sequencer_->committed().raw() << ", next " << sequencer_->next().raw()
        << "]\n";
    return out.str();
  }

  std::optional<Sequencer> sequencer_;
};

}  // namespace
}  // namespace perdure::log

int main(int argc, char** argv) {
  const bool rewrite = argc > 2 && std::string_view(argv[2]) == "--rewrite";
  return tests::run_script(argv[1], rewrite, perdure::log::Bench());
}
