// Drives a group of Raft values from text.  Members are n1, n2, ...; terms t1, ...; an entry
// is index/term.
//
//   group nodes=3 [disk=slow] [kept=0] [part=4]   members with an empty log, term 0
//   has n=1 terms=1,1,4 [term=6]    a member starts anew with a log of these terms
//   join n=4                        one more, which belongs to no group yet
//   wake n=1                        time goes on to when n1 wants it, and only n1 notices
//   time ms=100                     it goes on, and everybody notices
//   live ms=1000                    the same in steps, and what is sent arrives
//   propose n=1 a │ read n=1 id=7 │ change n=1 voters=1,2 [learners=3] │ transfer n=1 to=2
//   compact n=1 │ sync n=1 │ crash n=1 │ start n=1 │ cut n=3 │ heal
//   deliver [from=1] [to=2] [order=back]  what is on its way now arrives; the latest first
//   lose [from=1] [to=2]                and does not
//   settle                          until nothing is on its way; without telling of it
//   show                            how everybody stands
#include <sstream>

#include "engine/base/match.h"
#include "tests/engine/raft/raft_bench.h"
#include "tests/support/script.h"

namespace perdure::raft {
namespace {

std::string name(NodeId node) { return "n" + std::to_string(node.raw()); }
std::string place(Index index, Term term) {
  return std::to_string(index.raw()) + "/t" + std::to_string(term.raw());
}

std::string show_message(const Envelope& e) {
  std::ostringstream out;
  match(
      e.message, [&](std::monostate) { out << "nothing"; },
      [&](const VoteRequest& m) {
        out << (m.pre ? "would you vote" : "vote") << "? last " << place(m.last, m.last_term)
            << (m.appointed ? ", appointed" : "");
      },
      [&](const VoteReply& m) {
        out << (m.granted ? "yes" : "no");
        if (m.pre) out << (m.granted ? ", I would" : ", I would not");
      },
      [&](const Append& m) {
        out << "append after " << place(m.previous, m.previous_term) << ":";
        for (const Entry& entry : m.entries) out << ' ' << place(entry.index, entry.term);
        if (m.entries.empty()) out << " nothing";
        out << ", commit " << m.commit.raw();
        if (m.round > 0) out << ", round " << m.round;
      },
      [&](const AppendReply& m) {
        if (m.agrees) {
          out << "agree to " << m.matched.raw() << ", durable " << m.durable.raw();
        } else {
          out << "refuse after " << m.refused.raw() << ", at most " << place(m.hint, m.hint_term);
        }
        if (m.round > 0) out << ", round " << m.round;
      },
      [&](const SnapshotPart& m) {
        out << "snapshot " << place(m.part.last, m.part.term) << " bytes " << m.at << ".."
            << m.at + m.part.bytes.size() << " of " << m.size;
      },
      [&](const SnapshotReply& m) {
        out << "of snapshot " << m.last.raw() << " have " << m.bytes << " bytes";
      },
      [&](const LeadNow&) { out << "lead now"; });
  return out.str();
}

class Script {
 public:
  Script() {
    bench_.options.entries_kept = 0;
    bench_.on_effects = [this](NodeId node, const Effects& effects) { tell(node, effects); };
    bench_.on_role = [this](NodeId node, Member& member) {
      out_ << name(node) << " is " << name_of(member.role) << " in t" << member.raft->term().raw()
           << '\n';
    };
  }

  std::string operator()(const tests::Command& c) {
    out_.str({});
    quiet_ = c.verb == "settle" || c.verb == "live";
    run(c);
    return out_.str();
  }

 private:
  static std::uint64_t number(const tests::Command& c, const std::string& field,
                              std::uint64_t otherwise = 0) {
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
  static std::vector<NodeId> nodes(const tests::Command& c, const std::string& field) {
    std::vector<NodeId> found;
    for (const std::uint64_t n : numbers(c, field)) found.emplace_back(n);
    return found;
  }

  void run(const tests::Command& c) {
    const NodeId n(number(c, "n"));
    if (c.verb == "group") return make_group(c);
    if (c.verb == "has") return give_log(c, n);
    if (c.verb == "join") return bench_.add(n, std::nullopt);
    if (c.verb == "time") return pass_time(std::chrono::milliseconds(number(c, "ms")));
    if (c.verb == "live") return live(std::chrono::milliseconds(number(c, "ms")));
    if (c.verb == "start") return bench_.start(n);
    if (c.verb == "cut") return void(bench_.cut.insert(n));
    if (c.verb == "heal") return bench_.cut.clear();
    if (c.verb == "deliver") return deliver(c, false);
    if (c.verb == "lose") return deliver(c, true);
    if (c.verb == "settle") return bench_.settle();
    if (c.verb == "show") return show();
    if (!bench_.members.contains(n) || !bench_.members.at(n).raft) {
      out_ << "no such member is up\n";
      return;
    }
    with_member(c, n, *bench_.members.at(n).raft);
  }

  void with_member(const tests::Command& c, NodeId n, Raft& raft) {
    if (c.verb == "wake") {
      bench_.now = std::max(bench_.now, bench_.members.at(n).wake);
      return bench_.tick(n);
    }
    if (c.verb == "crash") return bench_.crash(n, 0);
    if (c.verb == "sync") return bench_.sync(n);
    if (c.verb == "compact") return bench_.compact(n);
    if (c.verb == "propose") {
      for (const std::string& word : c.words) told(raft.propose(word));
    } else if (c.verb == "read") {
      told(raft.read(ReadId(number(c, "id"))));
    } else if (c.verb == "change") {
      told(raft.change({.voters = nodes(c, "voters"), .learners = nodes(c, "learners")}));
    } else if (c.verb == "lost") {
      raft.tick(bench_.now);
      raft.lost(NodeId(number(c, "of")));
    } else if (c.verb == "transfer") {
      told(raft.transfer(NodeId(number(c, "to"))));
    } else {
      out_ << "no such verb: " << c.verb << '\n';
    }
    bench_.pay(n);
  }

  template <class T>
  void told(const Result<T>& result) {
    if (!result) out_ << name_of(result.error().code) << ": " << result.error().detail << '\n';
  }

  void make_group(const tests::Command& c) {
    Configuration all;
    for (std::uint64_t n = 1; n <= number(c, "nodes", 3); ++n) all.voters.emplace_back(n);
    bench_.options.entries_kept = number(c, "kept");
    bench_.options.snapshot_part_bytes = number(c, "part", 1 << 20);
    bench_.options.window_messages = static_cast<std::uint32_t>(number(c, "window", 64));
    bench_.options.batch_bytes = number(c, "batch", 1 << 20);
    bench_.options.uncommitted_bytes_max = number(c, "uncommitted", 1 << 20);
    for (const NodeId node : all.voters) {
      bench_.add(node, all);
      bench_.members.at(node).slow_disk =
          c.fields.contains("disk") && c.fields.at("disk") == "slow";
    }
  }

  void give_log(const tests::Command& c, NodeId n) {
    PretendDisk& disk = bench_.members.at(n).disk;
    PretendDisk::Write write{.ballot = Ballot{}, .snapshot = {}, .entries = {}, .number = {}};
    for (const std::uint64_t term : numbers(c, "terms")) {
      write.entries.push_back({.term = Term(term),
                               .index = Index(write.entries.size() + 1),
                               .bytes = "t" + std::to_string(term)});
      write.ballot->term = Term(term);
    }
    write.ballot->term = Term(number(c, "term", write.ballot->term.raw()));
    disk.stream.resize(1);
    disk.stream.push_back(write);
    disk.synced = 2;
    bench_.start(n);
  }

  void pass_time(Duration by) {
    bench_.now += by;
    for (auto& [node, member] : bench_.members) {
      if (member.raft) bench_.tick(node);
    }
  }

  void live(Duration by) {
    constexpr Duration step = std::chrono::milliseconds(50);
    for (Duration passed{}; passed < by; passed += step) {
      pass_time(step);
      bench_.settle();
    }
  }

  void deliver(const tests::Command& c, bool lose) {
    const std::uint64_t from = number(c, "from"), to = number(c, "to");
    std::deque<Envelope> now, rest;
    for (Envelope& e : std::exchange(bench_.wires, {})) {
      const bool meant = (from == 0 || e.from == NodeId(from)) && (to == 0 || e.to == NodeId(to));
      (meant ? now : rest).push_back(std::move(e));
    }
    bench_.wires = std::move(rest);
    if (c.fields.contains("order")) std::ranges::reverse(now);
    for (const Envelope& e : now) {
      if (!lose) bench_.deliver(e);
    }
  }

  void tell(NodeId node, const Effects& effects) {
    if (effects.save) {
      out_ << name(node) << " saves t" << effects.save->term.raw();
      if (effects.save->vote) out_ << ", votes " << name(*effects.save->vote);
      out_ << '\n';
    }
    if (effects.install) {
      out_ << name(node) << " installs " << place(effects.install->last, effects.install->term)
           << '\n';
    }
    if (!effects.append.empty()) {
      out_ << name(node) << " writes";
      for (const Entry& entry : effects.append) out_ << ' ' << place(entry.index, entry.term);
      out_ << '\n';
    }
    for (const Envelope& e : effects.send) {
      if (!quiet_) {
        out_ << name(node) << " -> " << name(e.to) << " t" << e.term.raw() << ' ' << show_message(e)
             << '\n';
      }
    }
    if (!effects.apply.empty()) {
      out_ << name(node) << " applies";
      for (const Entry& entry : effects.apply) {
        out_ << ' ' << place(entry.index, entry.term);
        if (!entry.bytes.empty() && entry.kind == EntryKind::command) out_ << '=' << entry.bytes;
      }
      out_ << '\n';
    }
    for (const Read& read : effects.reads) {
      out_ << name(node) << " answers read " << read.id.raw() << " from " << read.index.raw()
           << '\n';
    }
  }

  void show() {
    for (const auto& [node, member] : bench_.members) {
      out_ << name(node) << ' ';
      if (!member.raft) {
        out_ << "is down\n";
        continue;
      }
      const Raft& raft = *member.raft;
      out_ << name_of(raft.role()) << " t" << raft.term().raw() << ", last "
           << place(raft.last(), raft.term_of(raft.last()).value_or(Term(0))) << ", durable "
           << raft.durable_last().raw() << ", commit " << raft.commit().raw();
      if (raft.leader()) out_ << ", led by " << name(*raft.leader());
      out_ << ", voters";
      for (const NodeId voter : raft.configuration().voters) out_ << ' ' << name(voter);
      if (!raft.configuration().learners.empty()) out_ << ", learners";
      for (const NodeId learner : raft.configuration().learners) out_ << ' ' << name(learner);
      if (raft.change_is_open()) out_ << " (not committed)";
      out_ << '\n';
    }
  }

  Bench bench_;
  std::ostringstream out_;
  bool quiet_ = false;
};

}  // namespace
}  // namespace perdure::raft

int main(int argc, char** argv) {
  const bool rewrite = argc > 2 && std::string_view(argv[2]) == "--rewrite";
  perdure::raft::Script script;
  return tests::run_script(argv[1], rewrite, [&](const tests::Command& c) { return script(c); });
}
