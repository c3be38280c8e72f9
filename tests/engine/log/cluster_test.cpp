// Logs over several nodes: journeys that no value can show alone.
#include <gtest/gtest.h>

#include "engine/log/sweeper.h"
#include "tests/engine/log/log_nodes.h"

namespace perdure::log {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Cluster, RecordsAreReadOnEveryNode) {
  LogNodes nodes(3);
  nodes.start();
  ASSERT_TRUE(nodes.run([&] {
    Log& log = *nodes.must_open(1);
    for (const char* record : {"a", "b", "c"}) ASSERT_TRUE(log.append(record));
    ASSERT_TRUE(log.wait_committed(Lsn(3), nodes.loop.in(seconds(5))));
    for (std::uint64_t n = 1; n <= 3; ++n) {
      const auto reader = nodes.reader(n);
      EXPECT_EQ(nodes.read_up_to(*reader, Lsn(3)), "a b c ");
      reader->stop();
    }
    ASSERT_TRUE(log.append("d"));
    const auto reader = nodes.reader(3, Lsn(4));
    EXPECT_EQ(nodes.read_up_to(*reader, Lsn(4)), "d ");  // it was told, it did not poll
    reader->stop();
    log.check_invariants();
    log.stop();
  }));
  EXPECT_EQ(nodes.trace.counts["log.rewinds"], 0u);
}

TEST(Cluster, AnotherTakesOverAndTheOldWriterIsTold) {
  LogNodes nodes(3);
  nodes.start();
  ASSERT_TRUE(nodes.run([&] {
    Log& old = *nodes.must_open(1);
    ASSERT_TRUE(old.append("a"));
    ASSERT_TRUE(old.wait_committed(Lsn(1), nodes.loop.in(seconds(5))));
    Log& young = *nodes.must_open(2);
    EXPECT_EQ(young.tail(), Lsn(2));
    ASSERT_TRUE(nodes.loop.fibers.sleep_until(nodes.loop.in(milliseconds(50))));
    ASSERT_TRUE(old.ended().has_value());
    EXPECT_EQ(old.ended()->code, Code::fenced);
    EXPECT_FALSE(old.append("lost"));
    ASSERT_TRUE(young.append("b"));
    ASSERT_TRUE(young.wait_committed(Lsn(2), nodes.loop.in(seconds(5))));
    const auto reader = nodes.reader(3);
    EXPECT_EQ(nodes.read_up_to(*reader, Lsn(2)), "a b ");
    reader->stop();
    old.stop(), young.stop();
  }));
}

// What the writer holds alone may have been acknowledged, for all the others know.
TEST(Cluster, ARecordOnOneDiskIsRepairedBeforeItsLogletEnds) {
  LogNodes nodes(3);
  nodes.start();
  ASSERT_TRUE(nodes.run([&] {
    Log& old = *nodes.must_open(1);
    ASSERT_TRUE(old.append("a"));
    ASSERT_TRUE(old.wait_committed(Lsn(1), nodes.loop.in(seconds(5))));
    nodes.drop = [](NodeId from, NodeId, std::string_view) { return from == NodeId(1); };
    ASSERT_TRUE(old.append("b"));
    ASSERT_TRUE(nodes.loop.fibers.sleep_until(nodes.loop.in(milliseconds(20))));
    EXPECT_EQ(old.committed(), Lsn(1));
    EXPECT_EQ(nodes.held(1), "1..2");
    Log& young = *nodes.must_open(3);
    EXPECT_EQ(young.tail(), Lsn(3));  // "b" is not lost: its writer may be told that it is safe
    const auto reader = nodes.reader(2);
    EXPECT_EQ(nodes.read_up_to(*reader, Lsn(2)), "a b ");
    reader->stop();
    old.stop(), young.stop();
  }));
  EXPECT_GE(nodes.trace.events["log.repair.started"], 1u);
}

TEST(Cluster, ALostFrameIsSentAgain) {
  LogNodes nodes(3);
  nodes.start();
  ASSERT_TRUE(nodes.run([&] {
    Log& log = *nodes.must_open(1);
    ASSERT_TRUE(log.append("a"));
    ASSERT_TRUE(log.wait_committed(Lsn(1), nodes.loop.in(seconds(5))));
    int lose = 1;
    nodes.drop = [&](NodeId from, NodeId, std::string_view) {
      return from == NodeId(1) && lose-- > 0;
    };
    ASSERT_TRUE(log.append("b"));
    ASSERT_TRUE(nodes.loop.fibers.sleep_until(nodes.loop.in(milliseconds(2))));
    ASSERT_TRUE(log.append("c"));  // this one arrives, and does not fit
    ASSERT_TRUE(log.wait_committed(Lsn(3), nodes.loop.in(milliseconds(60))));
    log.stop();
  }));
  EXPECT_GE(nodes.trace.counts["log.rewinds"], 1u);
}

TEST(Cluster, ASpareTakesTheSilentOnesPlace) {
  LogNodes nodes(3);
  nodes.start();
  ASSERT_TRUE(nodes.run([&] {
    Log& log = *nodes.must_open(1);
    const NodeId second = log.chain().loglets.back().nodeset.at(1).node;
    nodes.isolate(second.raw());
    ASSERT_TRUE(log.append("a"));
    ASSERT_TRUE(log.wait_committed(Lsn(1), nodes.loop.in(milliseconds(400))));
    log.stop();
  }));
  EXPECT_EQ(nodes.trace.counts["log.hedges"], 1u);
}

// A link that is down refuses at once; that is no reason to wait for it longer.
TEST(Cluster, ASpareTakesThePlaceOfOneWhoseLinkIsDown) {
  LogNodes nodes(3);
  nodes.start();
  ASSERT_TRUE(nodes.run([&] {
    Log& log = *nodes.must_open(1);
    nodes.no_way.insert(log.chain().loglets.back().nodeset.at(1).node);
    ASSERT_TRUE(log.append("a"));
    ASSERT_TRUE(log.wait_committed(Lsn(1), nodes.loop.in(milliseconds(400))));
    log.stop();
  }));
}

TEST(Cluster, WithoutAQuorumTheLogEndsAndIsOpenedAmongThoseWhoAreHere) {
  LogNodes nodes(5);
  nodes.replication = {.copies = 3};
  nodes.start();
  ASSERT_TRUE(nodes.run([&] {
    Log& log = *nodes.must_open(1, {.nodeset_size = 4, .stall_timeout = seconds(2)});
    ASSERT_TRUE(log.append("a"));
    ASSERT_TRUE(log.wait_committed(Lsn(1), nodes.loop.in(seconds(1))));
    // Of four or five nodes two go: three answer to a seal.
    const auto nodeset = log.chain().loglets.back().nodeset;
    for (std::size_t i = 3; i < nodeset.size(); ++i) {
      nodes.isolate(nodeset[i].node.raw());
      nodes.members[nodeset[i].node.raw() - 1].alive = false;
    }
    ASSERT_TRUE(log.append("b"));
    ASSERT_TRUE(log.wait_committed(Lsn(2), nodes.loop.in(seconds(5))));
    nodes.isolate(nodeset[2].node.raw());
    ASSERT_TRUE(log.append("c"));
    const auto stalled = log.wait_committed(Lsn(3), nodes.loop.in(seconds(20)));
    ASSERT_FALSE(stalled);
    EXPECT_EQ(stalled.error().code, Code::failed);
    log.stop();
    nodes.isolate(nodeset[2].node.raw(), false);
    Log& again = *nodes.must_open(1);
    EXPECT_GE(again.tail(), Lsn(3));
    ASSERT_TRUE(again.append("d"));
    ASSERT_TRUE(again.wait_committed(again.tail().prev(), nodes.loop.in(seconds(5))));
    again.stop();
  }));
}

// The writer of a loglet that was replaced because it was empty sleeps through that.
TEST(Cluster, AReplacedLogletsWriterFindsNobody) {
  LogNodes nodes(3);
  nodes.start();
  ASSERT_TRUE(nodes.run([&] {
    Log& asleep = *nodes.must_open(1);
    nodes.chains.deaf = true;
    nodes.isolate(1);
    Log& young = *nodes.must_open(2);
    EXPECT_EQ(young.chain().loglets.size(), 1u);
    ASSERT_TRUE(young.append("a"));
    ASSERT_TRUE(young.wait_committed(Lsn(1), nodes.loop.in(seconds(5))));
    ASSERT_TRUE(nodes.loop.fibers.sleep_until(nodes.loop.in(seconds(5))));
    const LogletId replaced = asleep.chain().loglets.back().id;
    EXPECT_FALSE(nodes.at(2).wal->find(replaced).has_value());  // seal and all
    EXPECT_FALSE(nodes.at(3).wal->find(replaced).has_value());
    nodes.isolate(1, false);
    ASSERT_TRUE(asleep.append("never"));
    EXPECT_FALSE(asleep.wait_committed(Lsn(1), nodes.loop.in(seconds(5))));
    EXPECT_EQ(asleep.ended()->code, Code::fenced);
    nodes.chains.deaf = false;
    asleep.stop(), young.stop();
  }));
}

// Somebody with an old chain repairs a loglet that was replaced, and dropped here; then this
// node starts again, and the writer that slept through all of it wakes up.
TEST(Cluster, WhatIsRepairedAfterItsEndStaysSealed) {
  LogNodes nodes(1);
  nodes.start();
  const LogletId dropped(3), later(4);
  const std::string_view record = "r";
  ASSERT_TRUE(nodes.run([&] {
    LogletStore& store = *nodes.at(1).store;
    ASSERT_TRUE(store.seal(dropped, nodes.loop.in(seconds(1))));
    ASSERT_TRUE(store.drop(dropped, later));
    const Offer repair{.writer = {NodeId(2), Incarnation(1)},
                       .first = Offset(1),
                       .last = Offset(1),
                       .committed = Offset(0),
                       .repair = true};
    const auto taken = store.offer(dropped, repair, {&record, 1});
    ASSERT_TRUE(taken && taken->verdict == Verdict::take);
    ASSERT_TRUE(nodes.at(1).wal->wait_durable(taken->at, nodes.loop.in(seconds(1))));
  }));
  nodes.close_disk(nodes.at(1));
  nodes.open_disk(nodes.at(1), false);
  ASSERT_TRUE(nodes.run([&] {
    const Offer append{.writer = {NodeId(3), Incarnation(1)},
                       .first = Offset(2),
                       .last = Offset(2),
                       .committed = Offset(1)};
    const auto taken = nodes.at(1).store->offer(dropped, append, {&record, 1});
    ASSERT_TRUE(taken);
    EXPECT_EQ(taken->verdict, Verdict::sealed);
  }));
}

TEST(Cluster, AWipedDiskGetsItsCopiesBack) {
  LogNodes nodes(3);
  nodes.start();
  ASSERT_TRUE(nodes.run([&] {
    Log& log = *nodes.must_open(1);
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(log.append("r"));
    ASSERT_TRUE(log.wait_committed(Lsn(5), nodes.loop.in(seconds(5))));
    log.stop();
  }));
  const NodeId second = nodes.chains.chains[PartitionId(0)].chain.loglets.back().nodeset.at(1).node;
  const NodeId third = nodes.chains.chains[PartitionId(0)].chain.loglets.back().nodeset.at(2).node;
  EXPECT_EQ(nodes.held(second.raw()), "1..5");
  nodes.logs.clear();
  nodes.wipe(second.raw());
  ASSERT_TRUE(nodes.run([&] {
    // With the first away two say that there is nothing: one of them cannot know.
    nodes.isolate(1);
    EXPECT_FALSE(nodes.open(third.raw(), {.open_timeout = seconds(3)}));
    nodes.isolate(1, false);
    Log& log = *nodes.must_open(third.raw());
    EXPECT_EQ(log.tail(), Lsn(6));
    const auto scrubbed = log.scrub(nodes.loop.in(seconds(10)));
    ASSERT_TRUE(scrubbed) << scrubbed.error().detail;
    EXPECT_EQ(scrubbed->records, 5u);
    EXPECT_EQ(scrubbed->copied, 5u);
    EXPECT_EQ(log.scrub(nodes.loop.in(seconds(10)))->copied, 0u);
    log.stop();
  }));
}

TEST(Cluster, ATrimReachesAllAndReadersMeetTheGap) {
  LogNodes nodes(3);
  nodes.start();
  ASSERT_TRUE(nodes.run([&] {
    Log& old = *nodes.must_open(1);
    for (int i = 1; i <= 4; ++i) ASSERT_TRUE(old.append("r" + std::to_string(i)));
    ASSERT_TRUE(old.wait_committed(Lsn(4), nodes.loop.in(seconds(5))));
    const LogletId first = old.chain().loglets.back().id;
    // A reader that is parked in the middle of what goes (restate #5049).
    const auto parked = nodes.reader(3, Lsn(1), {.ahead_bytes = 1, .read_bytes = 1});
    ASSERT_TRUE(nodes.loop.fibers.sleep_until(nodes.loop.in(milliseconds(100))));
    Log& log = *nodes.must_open(2);
    ASSERT_TRUE(log.append("r5"));
    ASSERT_TRUE(log.wait_committed(Lsn(5), nodes.loop.in(seconds(5))));
    ASSERT_TRUE(log.trim(Lsn(4)));
    ASSERT_TRUE(nodes.loop.fibers.sleep_until(nodes.loop.in(seconds(1))));
    EXPECT_EQ(log.chain().loglets.size(), 1u);
    for (std::uint64_t n = 1; n <= 3; ++n) EXPECT_FALSE(nodes.at(n).wal->find(first)) << n;
    EXPECT_EQ(nodes.read_up_to(*parked, Lsn(5)), "r1 | gap 4 | r5 ");
    parked->stop();
    const auto late = nodes.reader(1);
    EXPECT_EQ(nodes.read_up_to(*late, Lsn(5)), "| gap 4 | r5 ");
    late->stop();
    old.stop(), log.stop();
  }));
}

// Who is away when copies go is told a few times and then no more; it finds out by itself.
TEST(Cluster, WhoWasAwayForLongSweepsWhatNoChainNames) {
  LogNodes nodes(3);
  nodes.start();
  ASSERT_TRUE(nodes.run([&] {
    Log& old = *nodes.must_open(1);
    for (int i = 1; i <= 4; ++i) ASSERT_TRUE(old.append("r" + std::to_string(i)));
    ASSERT_TRUE(old.wait_committed(Lsn(4), nodes.loop.in(seconds(5))));
    const Loglet first = old.chain().loglets.back();
    const std::uint64_t away = first.nodeset.at(1).node.raw();
    const std::uint64_t other = 6 - 1 - away;
    EXPECT_TRUE(nodes.at(away).wal->find(first.id));
    nodes.isolate(away);
    Log& log = *nodes.must_open(other);
    ASSERT_TRUE(log.append("r5"));
    ASSERT_TRUE(log.wait_committed(Lsn(5), nodes.loop.in(seconds(5))));
    ASSERT_TRUE(log.trim(Lsn(4)));
    ASSERT_TRUE(nodes.loop.fibers.sleep_until(nodes.loop.in(seconds(120))));
    EXPECT_FALSE(nodes.at(other).wal->find(first.id));
    nodes.isolate(away, false);
    ASSERT_TRUE(nodes.loop.fibers.sleep_until(nodes.loop.in(seconds(60))));
    EXPECT_TRUE(nodes.at(away).wal->find(first.id));  // nobody comes by again
    EXPECT_GT(nodes.at(away).wal->live_bytes(), 0u);

    Sweeper sweeper({.places = {{PartitionId(0), *nodes.at(away).store}},
                     .chains = nodes.chains,
                     .fibers = nodes.loop.fibers,
                     .trace = nodes.trace});
    ASSERT_TRUE(sweeper.sweep());
    EXPECT_FALSE(nodes.at(away).wal->find(first.id));
    EXPECT_EQ(nodes.at(away).wal->live_bytes(), 0u);
    EXPECT_TRUE(nodes.at(away).store->copy(first.id).replaced);  // and its writer finds nobody
    old.stop(), log.stop();
  }));
}

TEST(Sweep, GoesByWhatTheChainNames) {
  const auto loglet = [](std::uint64_t id, std::uint64_t base) {
    return Loglet{.id = LogletId(id), .base = Lsn(base), .nodeset = {}, .replication = {}};
  };
  const auto here = [](std::uint64_t id, std::uint64_t trimmed, std::uint64_t last) {
    return wal::LogletState{
        .loglet = LogletId(id), .trim_point = Offset(trimmed), .last = Offset(last)};
  };
  const Chain chain{.loglets = {loglet(7, 101), loglet(9, 201), loglet(12, 301)},
                    .trim_point = Lsn(150),
                    .sealed_tail = {}};
  // Trimmed away; within; in between; not trimmed; open; the next one's proposal.
  const std::vector<Sweep> sweeps =
      what_to_sweep(chain, {here(3, 2, 9), here(7, 20, 100), here(8, 0, 0), here(9, 0, 100),
                            here(12, 0, 5), here(13, 0, 0)});
  const std::vector<Sweep> expected = {
      {.loglet = LogletId(3), .trim_to = {}, .successor = LogletId(12)},
      {.loglet = LogletId(7), .trim_to = Offset(50), .successor = {}},
      {.loglet = LogletId(8), .trim_to = {}, .successor = LogletId(12)}};
  EXPECT_EQ(sweeps, expected);
  EXPECT_TRUE(what_to_sweep(chain, {here(7, 50, 100)}).empty());  // done already
  EXPECT_TRUE(what_to_sweep({}, {here(3, 2, 9)}).empty());
  const Chain all_gone{
      .loglets = {loglet(12, 301)}, .trim_point = Lsn(310), .sealed_tail = Lsn(311)};
  EXPECT_EQ(what_to_sweep(all_gone, {here(12, 0, 10)}).front().trim_to, Offset(10));
}

// Sealed by somebody who then died: a reader does not wait for ever at the border
// (restate #5033).
TEST(Cluster, AReaderEndsALogletThatNobodyExtends) {
  LogNodes nodes(3);
  nodes.start();
  ASSERT_TRUE(nodes.run([&] {
    Log& log = *nodes.must_open(1);
    ASSERT_TRUE(log.append("a"));
    ASSERT_TRUE(log.wait_committed(Lsn(1), nodes.loop.in(seconds(5))));
    const Loglet loglet = log.chain().loglets.back();
    const auto reader = nodes.reader(2, Lsn(1), {.seal_patience = seconds(2)});
    EXPECT_EQ(nodes.read_up_to(*reader, Lsn(1)), "a ");
    for (std::uint64_t n = 1; n <= 2; ++n) {
      ASSERT_TRUE(nodes.at(n).store->seal(loglet.id, nodes.loop.in(seconds(1))));
    }
    ASSERT_TRUE(nodes.loop.fibers.sleep_until(nodes.loop.in(seconds(30))));
    EXPECT_EQ(nodes.chains.chains[PartitionId(0)].chain.sealed_tail, Lsn(2));
    Log& young = *nodes.must_open(3);
    ASSERT_TRUE(young.append("b"));
    EXPECT_EQ(nodes.read_up_to(*reader, Lsn(2)), "b ");
    reader->stop();
    log.stop(), young.stop();
  }));
}

// One copy is enough to be read elsewhere.  Found by log_cluster, seed 29.
TEST(Cluster, ALogOfOneCopyIsReadOnOtherNodes) {
  LogNodes nodes(2);
  nodes.replication = {.copies = 1};
  nodes.start();
  ASSERT_TRUE(nodes.run([&] {
    Log& log = *nodes.must_open(1);
    const auto reader = nodes.reader(2);
    ASSERT_TRUE(log.append("a"));
    EXPECT_EQ(nodes.read_up_to(*reader, Lsn(1)), "a ");
    reader->stop();
    log.stop();
  }));
}

// Another reads the new chain and seals before the one who made it knows that he did.  Found
// by log_cluster, seed 2.
TEST(Cluster, ALogletThatIsSealedBeforeItsLogIsOpenTakesNothing) {
  LogNodes nodes(1);
  nodes.replication = {.copies = 1};
  nodes.start();
  ASSERT_TRUE(nodes.run([&] {
    nodes.chains.swapped = [&] {
      const LogletId last = nodes.chains.chains[PartitionId(0)].chain.loglets.back().id;
      ASSERT_TRUE(nodes.at(1).store->begin_seal(last));
    };
    Log& log = *nodes.must_open(1);
    ASSERT_TRUE(log.ended().has_value());
    EXPECT_EQ(log.append("into a sealed loglet").error().code, Code::fenced);
    log.stop();
  }));
}

// The same, and the one who replaced it has it dropped, before that.  Seed 9.
TEST(Cluster, ALogletThatIsReplacedBeforeItsLogIsOpenTakesNothing) {
  LogNodes nodes(1);
  nodes.replication = {.copies = 1};
  nodes.start();
  ASSERT_TRUE(nodes.run([&] {
    nodes.chains.swapped = [&] {
      const LogletId last = nodes.chains.chains[PartitionId(0)].chain.loglets.back().id;
      ASSERT_TRUE(nodes.at(1).store->begin_seal(last));
      ASSERT_TRUE(nodes.at(1).store->drop(last, LogletId(last.raw() + 1)));
    };
    Log& log = *nodes.must_open(1);
    ASSERT_TRUE(log.ended().has_value());
    log.stop();
  }));
}

// Who takes a loglet for empty, and loses to somebody who found its record, forgets what he
// meant to replace: the chain names it.  Found by log_cluster, seed 3497.
TEST(Cluster, AProposalThatLostReplacesNothing) {
  LogNodes nodes(3);
  nodes.start();
  ASSERT_TRUE(nodes.run([&] {
    Log& first = *nodes.must_open(1);
    nodes.isolate(1);
    ASSERT_TRUE(first.append("a"));  // on its own disk only
    ASSERT_TRUE(nodes.loop.fibers.sleep_until(nodes.loop.in(milliseconds(20))));
    nodes.chains.swapping = [&] {  // node 3 is about to say that the log is empty
      nodes.isolate(1, false);
      nodes.isolate(3);
      Log& second = *nodes.must_open(2);
      ASSERT_EQ(second.tail(), Lsn(2));
      ASSERT_TRUE(second.append("b"));
      ASSERT_TRUE(second.wait_committed(Lsn(2), nodes.loop.in(seconds(5))));
      nodes.isolate(3, false);
    };
    Log& third = *nodes.must_open(3);
    EXPECT_EQ(third.tail(), Lsn(3));
    ASSERT_TRUE(nodes.loop.fibers.sleep_until(nodes.loop.in(seconds(3))));
    const auto reader = nodes.reader(3);
    EXPECT_EQ(nodes.read_up_to(*reader, Lsn(2)), "a b ");
    reader->stop();
    for (const auto& log : nodes.logs) log->stop();
  }));
}

// Such a node answers every question for the tail at once.  Found by log_cluster, seed 1.
TEST(Cluster, AReaderBesideABrokenDiskDoesNotSpin) {
  LogNodes nodes(3);
  nodes.start();
  ASSERT_TRUE(nodes.run([&] {
    Log& log = *nodes.must_open(1);
    ASSERT_TRUE(log.append("a"));
    ASSERT_TRUE(log.wait_committed(Lsn(1), nodes.loop.in(seconds(5))));
    nodes.at(1).disk.fail_syncs(100);
    EXPECT_TRUE(log.append("in doubt"));
    EXPECT_FALSE(log.wait_committed(Lsn(2), nodes.loop.in(seconds(5))));
    const auto reader = nodes.reader(1);
    EXPECT_EQ(nodes.read_up_to(*reader, Lsn(1)), "a ");
    EXPECT_FALSE(reader->next(nodes.loop.in(seconds(1))));
    reader->stop();
    log.stop();
  }));
}

TEST(Cluster, ADrainedLogLeavesNothingUnknown) {
  LogNodes nodes(3);
  nodes.start();
  ASSERT_TRUE(nodes.run([&] {
    Log& log = *nodes.must_open(1);
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(log.append("r"));
    ASSERT_TRUE(log.drain(nodes.loop.in(seconds(1))));
    EXPECT_EQ(log.committed(), Lsn(10));
    EXPECT_EQ(log.append("no more").error().code, Code::retry_later);
    log.stop();
    Log& again = *nodes.must_open(1);
    EXPECT_EQ(again.tail(), Lsn(11));
    again.stop();
  }));
}

// A node that stops while the others are away does not wait for them.
TEST(Cluster, WhoOpensALogMayBeCalledOff) {
  LogNodes nodes(3);
  nodes.start();
  ASSERT_TRUE(nodes.run([&] {
    Log& old = *nodes.must_open(1);
    ASSERT_TRUE(old.append("a"));
    ASSERT_TRUE(old.wait_committed(Lsn(1), nodes.loop.in(seconds(5))));
    old.stop();
    nodes.isolate(3);
    std::optional<Code> came_of_it;
    io::Group opening(nodes.loop.fibers);
    opening.start("open", [&] {
      const auto opened = nodes.open(3);
      came_of_it = opened ? Code::failed : opened.error().code;
    });
    ASSERT_TRUE(nodes.loop.fibers.sleep_until(nodes.loop.in(milliseconds(100))));
    EXPECT_FALSE(came_of_it);
    const Instant called_off = nodes.loop.in(milliseconds(0));
    opening.stop();
    EXPECT_EQ(came_of_it, Code::cancelled);
    EXPECT_LT(nodes.loop.in(milliseconds(0))-called_off, milliseconds(100));
  }));
}

TEST(Cluster, GarbageStopsNobody) {
  LogNodes nodes(2);
  nodes.start();
  ASSERT_TRUE(nodes.run([&] {
    Server& server = *nodes.at(1).server;
    StoreFrame zero({.loglet = LogletId(7), .writer = NodeId(2), .first = Offset(0)});
    StoreFrame not_his({.loglet = LogletId(7), .writer = NodeId(1), .first = Offset(1)});
    StoreFrame good({.loglet = LogletId(7), .writer = NodeId(2), .first = Offset(1)});
    good.add("record");
    const std::string whole = good.take();
    for (const std::string& frame :
         {std::string(), std::string("\x07"), std::string("\x01\xff\xff"), zero.take(),
          not_his.take(), whole.substr(0, whole.size() - 2), std::string("\x02\x00\x01\x08", 4)}) {
      server.hear(NodeId(2), frame);
    }
    EXPECT_FALSE(nodes.at(1).wal->find(LogletId(7)).has_value());
    EXPECT_EQ(nodes.trace.counts["log.frames_malformed"], 7u);
    EXPECT_FALSE(server.answer("\xff\xff"));
    EXPECT_FALSE(server.answer(""));
    EXPECT_FALSE(server.answer(
        wire::encode(Question{.what = DigestAsk{.loglet = LogletId(7), .first = Offset(9)}})));
    EXPECT_FALSE(server.answer(wire::encode(Question{.what = RepairAsk{.loglet = LogletId(7)}})));
    EXPECT_FALSE(server.answer(
        wire::encode(Question{.what = TrimAsk{.loglet = LogletId(7), .successor = LogletId(3)}})));
  }));
}

}  // namespace
}  // namespace perdure::log
