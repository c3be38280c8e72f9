// A whole group under loss, duplication, reordering, slow disks, crashes that keep only
// what was durable, compaction, transfers and changes of membership, against what must hold
// whatever happens (figure 3 of the paper):
//
//   election safety        at most one leader in a term
//   log matching           two logs with the same entry at an index are the same up to it
//   leader completeness    what was committed is in the log of every later leader
//   state machine safety   nobody applies another entry at the same index
//   reads                  are answered from what was committed when they were asked, at least
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "engine/base/bytes.h"
#include "tests/engine/raft/raft_bench.h"

namespace perdure::raft {
namespace {

// Cheap draws from one number, so that a failing case prints as one number.
class Chance {
 public:
  explicit Chance(std::uint64_t seed) : state_(seed) {}
  std::uint64_t below(std::uint64_t n) {
    state_ += 0x9E3779B97F4A7C15u;
    std::uint64_t z = (state_ ^ (state_ >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (z ^ (z >> 31)) % n;
  }

 private:
  std::uint64_t state_;
};

class World {
 public:
  World(std::uint64_t seed, std::uint64_t voters, bool faults) : chance_(seed), faults_(faults) {
    bench_.options = {.seed = seed,
                      .batch_bytes = 40 + chance_.below(400),
                      .window_messages = static_cast<std::uint32_t>(1 + chance_.below(5)),
                      .entries_kept = chance_.below(10),
                      .snapshot_part_bytes = 1 + chance_.below(200)};
    bench_.on_effects = [this](NodeId node, const Effects& e) { look(node, e); };
    bench_.on_role = [this](NodeId node, Member& member) { look_at_role(node, member); };
    Configuration initial;
    for (std::uint64_t n = 1; n <= voters; ++n) initial.voters.emplace_back(n);
    for (const NodeId node : initial.voters) bench_.add(node, initial);
    for (std::uint64_t n = voters + 1; n <= voters + 2; ++n) bench_.add(NodeId(n), std::nullopt);
    slow_ = chance_.below(2) == 0;
  }

  void run(int steps) {
    for (int i = 0; i < steps && wrong_.empty(); ++i) step();
    if (!wrong_.empty()) return;
    heal();
    compare_logs();
  }
  const std::string& wrong() const { return wrong_; }
  std::uint64_t leaders() const { return leaders_.size(); }
  std::uint64_t committed() const { return committed_.size(); }
  std::uint64_t changes() const { return changes_; }
  std::uint64_t installs() const { return installs_; }
  std::uint64_t reads() const { return reads_; }

 private:
  NodeId any() { return NodeId(1 + chance_.below(bench_.members.size())); }
  Member& member(NodeId node) { return bench_.members.at(node); }

  void step() {
    const NodeId node = any();
    Member& m = member(node);
    const std::uint64_t what = chance_.below(100);
    if (what < 45) return deliver_one();
    if (what < 60) return pass_time();
    if (!m.raft) {
      if (chance_.below(4) == 0) bench_.start(node);
      return;
    }
    if (what < 75) {
      (void)m.raft->propose("c" + std::to_string(++commands_));
      return bench_.pay(node);
    }
    if (what < 85) return bench_.sync_one(node);
    if (what < 88) return ask(node);
    if (what < 91) return bench_.compact(node);
    if (what < 93) {
      (void)m.raft->transfer(any());
      return bench_.pay(node);
    }
    if (what < 95) return change(node);
    if (!faults_) return;
    if (what < 97) {
      bench_.crash(node, chance_.below(m.disk.stream.size() + 1));
    } else if (what < 98) {
      m.slow_disk = slow_ && !m.slow_disk;
    } else if (chance_.below(2) == 0) {
      bench_.cut.insert(node);
    } else {
      bench_.cut.clear();
    }
  }

  void deliver_one() {
    if (bench_.wires.empty()) return;
    const std::size_t which =
        faults_ ? chance_.below(std::min<std::size_t>(bench_.wires.size(), 8)) : 0;
    const Envelope envelope = bench_.wires[which];
    const std::uint64_t fate = faults_ ? chance_.below(20) : 19;
    if (fate != 0) bench_.wires.erase(bench_.wires.begin() + static_cast<std::ptrdiff_t>(which));
    if (fate != 1) bench_.deliver(envelope);
  }

  void pass_time() {
    bench_.now += std::chrono::milliseconds(chance_.below(chance_.below(8) == 0 ? 1500 : 150));
    for (auto& [node, m] : bench_.members) {
      if (m.raft && m.wake <= bench_.now) bench_.tick(node);
    }
  }

  void change(NodeId node) {
    Raft& raft = *member(node).raft;
    Configuration next = raft.configuration();
    const NodeId other = any();
    std::erase(next.learners, other);
    if (next.is_voter(other)) {
      std::erase(next.voters, other);
      if (next.voters.size() < 2) return;
    } else if (chance_.below(3) == 0) {
      next.learners.push_back(other);
    } else {
      next.voters.push_back(other);
    }
    if (raft.change(next)) ++changes_;
    bench_.pay(node);
  }

  // A read must see all that anybody had committed when it was asked.
  void ask(NodeId node) {
    const ReadId id(++asked_);
    if (member(node).raft->read(id))
      must_see_[id] = Index(committed_.empty() ? 0 : committed_.rbegin()->first);
    bench_.pay(node);
  }

  // --- what must hold ---

  void look_at_role(NodeId node, Member& m) {
    if (m.role != Role::leader) return;
    const auto [at, first] = leaders_.try_emplace(m.role_term, node);
    if (!first && at->second != node) return fail("two leaders in one term");
    for (const auto& [index, entry] : committed_) {
      if (entry.term >= m.role_term) continue;
      const auto term = m.raft->term_of(Index(index));
      if (Index(index) > m.raft->last()) return fail("a leader lacks what is committed");
      if (term && *term != entry.term) return fail("a leader has another entry than the committed");
    }
  }

  void look(NodeId node, const Effects& effects) {
    if (effects.install) ++installs_;
    for (const Entry& entry : effects.apply) {
      const auto [at, first] = committed_.try_emplace(entry.index.raw(), entry);
      if (!first && at->second != entry) fail("two entries applied at one index");
    }
    for (const Read& read : effects.reads) {
      ++reads_;
      if (read.index < must_see_.at(read.id)) fail("a read is older than what was committed");
    }
    // Whoever leads in a term writes each index of that term once.
    for (const Entry& entry : effects.append) {
      const auto [at, first] = written_.try_emplace({entry.term, entry.index}, entry);
      if (!first && at->second != entry) fail("two entries of one term at one index");
    }
    (void)node;
  }

  // Fair weather: somebody leads, and what is proposed is applied by all its members.
  void heal() {
    bench_.cut.clear();
    for (auto& [node, m] : bench_.members) {
      m.slow_disk = false;
      if (!m.raft) bench_.start(node);
      bench_.sync(node);
    }
    for (int i = 0; i < 400; ++i) {
      bench_.now += std::chrono::milliseconds(100);
      for (auto& [node, m] : bench_.members) bench_.tick(node);
      bench_.settle();
      if (!wrong_.empty()) return;
      if (const Member* leader = all_agree()) {
        if (done_) return;
        done_ = true;
        (void)const_cast<Member*>(leader)->raft->propose("last");
      }
    }
    fail("not healed after 40 seconds of fair weather");
  }

  const Member* all_agree() const {
    for (const auto& [node, m] : bench_.members) {
      if (m.raft->role() != Role::leader || !m.raft->settled()) continue;
      if (m.raft->commit() != m.raft->last() || m.raft->change_is_open()) return nullptr;
      for (const NodeId voter : m.raft->configuration().voters) {
        const Member& other = bench_.members.at(voter);
        if (other.raft->commit() != m.raft->commit() || other.state != m.state) return nullptr;
      }
      return &m;
    }
    return nullptr;
  }

  void compare_logs() {
    for (const auto& [a, one] : bench_.members) {
      for (const auto& [b, two] : bench_.members) {
        const Saved left = one.disk.read(), right = two.disk.read();
        bool same = true;  // from the right end to the left: once equal, always equal
        std::map<std::uint64_t, Entry> by_index;
        for (const Entry& e : right.entries) by_index[e.index.raw()] = e;
        bool met = false;
        for (auto e = left.entries.rbegin(); e != left.entries.rend(); ++e) {
          const auto found = by_index.find(e->index.raw());
          if (found == by_index.end()) continue;
          if (found->second.term == e->term) met = true;
          if (met && found->second != *e) same = false;
        }
        if (!same) return fail("two logs agree at an index and differ before it");
      }
    }
  }

  void fail(std::string what) {
    if (wrong_.empty()) wrong_ = std::move(what);
  }

  Bench bench_;
  Chance chance_;
  bool faults_, slow_ = false, done_ = false;
  std::string wrong_;
  std::map<Term, NodeId> leaders_;
  std::map<std::uint64_t, Entry> committed_;
  std::map<std::pair<Term, Index>, Entry> written_;
  std::map<ReadId, Index> must_see_;
  std::uint64_t commands_ = 0, asked_ = 0, changes_ = 0, installs_ = 0, reads_ = 0;
};

RC_GTEST_PROP(raft, holds_what_the_paper_promises_under_faults, ()) {
  const auto seed = *rc::gen::resize(1'000'000, rc::gen::arbitrary<std::uint64_t>());
  const std::uint64_t voters = 1 + seed % 5;
  World world(seed, voters, true);
  world.run(3000);
  RC_ASSERT(world.wrong() == "");
}

RC_GTEST_PROP(raft, holds_it_without_faults, ()) {
  const auto seed = *rc::gen::resize(1'000'000, rc::gen::arbitrary<std::uint64_t>());
  World world(seed, 3, false);
  world.run(1500);
  RC_ASSERT(world.wrong() == "");
}

// The runs above prove something only if they reach what is rare.
TEST(raft, the_faulty_runs_reach_what_is_rare) {
  std::uint64_t leaders = 0, committed = 0, changes = 0, installs = 0, reads = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    World world(seed * 7919, 1 + seed % 5, true);
    world.run(3000);
    ASSERT_EQ(world.wrong(), "") << "seed " << seed * 7919 << ", voters " << 1 + seed % 5;
    leaders += world.leaders(), committed += world.committed(), changes += world.changes();
    installs += world.installs(), reads += world.reads();
  }
  EXPECT_GT(leaders, 1500u);
  EXPECT_GT(committed, 5000u);
  EXPECT_GT(changes, 250u);
  EXPECT_GT(installs, 200u);
  EXPECT_GT(reads, 500u);
}

}  // namespace
}  // namespace perdure::raft
