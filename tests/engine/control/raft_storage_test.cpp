#include "engine/control/raft_storage.h"

#include <gtest/gtest.h>

#include "tests/engine/wal/wal_node.h"

namespace perdure::control {
namespace {

raft::Entry entry(std::uint64_t index, std::uint64_t term, std::string bytes = "x") {
  return {.term = Term(term), .index = Index(index), .bytes = std::move(bytes)};
}

// A process with a stream, and what a member of a group keeps in it.
struct Kept {
  Kept() { restart(); }
  void restart() {
    storage.reset();
    if (node.wal) node.lose_power();
    node.start();
    storage.emplace(*node.wal);
    EXPECT_TRUE(node.run([&] {
      auto loaded = storage->load();
      ASSERT_TRUE(loaded) << loaded.error().detail;
      found = std::move(*loaded);
    }));
  }
  // As its owner does: what finds no room in the stream goes on a little later.
  void keep(const raft::Snapshot& snapshot) {
    EXPECT_TRUE(node.run([&] {
      Result<wal::Position> kept = storage->keep(snapshot);
      while (!kept && kept.error().code == Code::retry_later) {
        (void)node.loop->fibers.sleep_until(node.loop->in(std::chrono::milliseconds(5)));
        kept = storage->keep(snapshot);
      }
      ASSERT_TRUE(kept) << kept.error().detail;
      EXPECT_TRUE(node.wal->wait_durable(*kept));
    }));
  }
  void durable(const Result<wal::Position>& at) {
    ASSERT_TRUE(at) << at.error().detail;
    EXPECT_TRUE(node.run([&] { EXPECT_TRUE(node.wal->wait_durable(*at)); }));
  }
  std::string log() const {
    std::string text;
    for (const raft::Entry& e : found->entries) {
      text += std::to_string(e.index.raw()) + "/t" + std::to_string(e.term.raw()) + " ";
    }
    return text;
  }

  wal::WalNode node;
  std::optional<RaftStorage> storage;
  std::optional<raft::Saved> found;
};

TEST(raft_storage, a_new_one_has_nothing) {
  Kept kept;
  EXPECT_FALSE(kept.found);
}

TEST(raft_storage, gives_back_ballot_and_entries) {
  Kept kept;
  for (std::uint64_t term = 1; term <= 5; ++term) {
    kept.durable(kept.storage->save({.term = Term(term), .vote = NodeId(term)}));
  }
  kept.durable(kept.storage->append(Term(0), {entry(1, 4), entry(2, 5)}));
  kept.restart();
  ASSERT_TRUE(kept.found);
  EXPECT_EQ(kept.found->ballot, (raft::Ballot{.term = Term(5), .vote = NodeId(5)}));
  EXPECT_EQ(kept.log(), "1/t4 2/t5 ");
}

// Entry 2 was overwritten by a leader whose entry is of an earlier term than the old entries
// 3 and 4 behind it, which are still on the disk.  They must not come back: no log ever had
// them after this entry 2.
TEST(raft_storage, what_was_cut_off_does_not_come_back) {
  Kept kept;
  kept.durable(kept.storage->save({.term = Term(4)}));
  kept.durable(kept.storage->append(Term(0), {entry(1, 1), entry(2, 3), entry(3, 3), entry(4, 3)}));
  kept.durable(kept.storage->append(Term(1), {entry(2, 2)}));
  kept.restart();
  EXPECT_EQ(kept.log(), "1/t1 2/t2 ");
  kept.durable(kept.storage->append(Term(2), {entry(3, 4)}));
  kept.restart();
  EXPECT_EQ(kept.log(), "1/t1 2/t2 3/t4 ");
}

TEST(raft_storage, a_snapshot_stands_for_what_came_before_it) {
  Kept kept;
  kept.durable(kept.storage->save({.term = Term(1)}));
  kept.durable(kept.storage->append(Term(0), {entry(1, 1), entry(2, 1), entry(3, 1)}));
  const raft::Snapshot snapshot{.last = Index(2),
                                .term = Term(1),
                                .configuration = {.voters = {NodeId(1)}, .learners = {}},
                                .bytes = std::string(40'000, 's')};  // many parts
  kept.keep(snapshot);
  kept.restart();
  EXPECT_EQ(kept.found->snapshot, snapshot);
  EXPECT_EQ(kept.log(), "3/t1 ");
}

// The last parts of the newer one never reached the disk.
TEST(raft_storage, half_a_snapshot_is_none) {
  Kept kept;
  kept.durable(kept.storage->save({.term = Term(1)}));
  raft::Snapshot snapshot{.last = Index(2), .term = Term(1), .bytes = "small"};
  kept.keep(snapshot);
  raft::Snapshot newer = snapshot;
  newer.last = Index(9);
  newer.bytes = std::string(12'000, 'n');
  (void)kept.storage->keep(newer);  // as much as finds room; and nobody waits for the disk
  kept.restart();
  ASSERT_TRUE(kept.found->snapshot);
  EXPECT_EQ(kept.found->snapshot, snapshot);
}

// A stream of small segments is trimmed all the time: what was overwritten goes only when
// what replaced it is durable.
TEST(raft_storage, survives_long_use_with_overwritten_entries) {
  Kept kept;
  kept.durable(kept.storage->append(Term(0), {entry(1, 1)}));
  std::uint64_t term = 0;
  for (int round = 0; round < 60; ++round) {
    ++term;
    kept.durable(kept.storage->save({.term = Term(term), .vote = NodeId(1)}));
    const std::string bytes(900, static_cast<char>('a' + round % 26));
    kept.durable(kept.storage->append(Term(1), {entry(2, term, bytes), entry(3, term, bytes)}));
    if (round % 7 != 3) continue;
    kept.restart();
    const std::string t = std::to_string(term);
    ASSERT_EQ(kept.log(), "1/t1 2/t" + t + " 3/t" + t + " ") << "round " << round;
    ASSERT_EQ(kept.found->ballot.term, Term(term));
  }
}

}  // namespace
}  // namespace perdure::control
