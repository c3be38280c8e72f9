#include "engine/processor/partition.h"

#include <gtest/gtest.h>

#include "tests/engine/processor/partition_node.h"

namespace perdure::processor {
namespace {

using tests::id_at;
using tests::object_id;
using tests::PartitionNode;

TEST(Partition, RunsWhatIsSubmittedAndAnswers) {
  PartitionNode node;
  node.start();
  node.lead();
  ASSERT_TRUE(node.run([&] {
    const auto id = id_at(0, 1);
    const auto first = node.submit(0, PartitionNode::invoke(id, "Echo", "hello"));
    ASSERT_TRUE(first) << first.error().detail;
    EXPECT_TRUE(first->began);
    EXPECT_EQ(node.outcome(0, id), "hello");
    const auto again = node.submit(0, PartitionNode::invoke(id, "Echo", "other"));
    ASSERT_TRUE(again);
    EXPECT_FALSE(again->began);
    EXPECT_EQ(node.outcome(0, id), "hello");
    const auto status = node.all[0]->status(id);
    ASSERT_TRUE(status);
    EXPECT_EQ(status->state, State::completed);
    EXPECT_EQ(status->service, "Echo");
  }));
  EXPECT_EQ(node.attempts, 1);
  node.all[0]->check_invariants();
  node.stop();
}

TEST(Partition, TellsWhoDoesNotBelongHere) {
  PartitionNode node;
  node.start();
  ASSERT_TRUE(node.run([&] {
    const auto early = node.submit(0, PartitionNode::invoke(id_at(0, 1), "Echo", ""));
    ASSERT_FALSE(early);
    EXPECT_EQ(early.error().code, Code::retry_elsewhere);
  }));
  node.lead();
  ASSERT_TRUE(node.run([&] {
    EXPECT_EQ(node.all[0]->submit("rubbish", io::never).error().code, Code::invalid);
    EXPECT_EQ(node.all[0]->submit("", io::never).error().code, Code::invalid);
    EXPECT_EQ(node.all[0]->status(id_at(0, 9))->state, State::absent);
    EXPECT_EQ(node.outcome(0, id_at(0, 9)), "not_found");
    wire::Record old;
    old.producer = wire::RequestProducer{.low = 1, .first_attempt = WallTime()};
    old.commands.push_back({.body = wire::Cancel{.id = id_at(0, 1)}});
    const auto refused = node.submit(0, old);  // applied, and answered with a time that would do
    ASSERT_TRUE(refused);
    EXPECT_TRUE(refused->refused_at.has_value());
    wire::Record leaders;
    leaders.commands.push_back({.body = wire::AnnounceLeader{.epoch = Epoch(9)}});
    EXPECT_EQ(node.submit(0, leaders).error().code, Code::invalid);
  }));
  node.stop();
}

TEST(Partition, ExclusiveHandlersTakeTurns) {
  PartitionNode node;
  node.start();
  node.lead();
  const auto home = wire::partition_of(object_id(0).partition_key, tests::partitions).raw();
  std::set<std::string> outcomes;
  for (std::uint64_t n = 1; n <= 16; ++n) {
    node.node.loop->scheduler.spawn_root("client", [&, n] {
      const auto done = node.submit(home, PartitionNode::invoke(object_id(n), "Add", "", true));
      ASSERT_TRUE(done) << done.error().detail;
      outcomes.insert(node.outcome(home, object_id(n)));
    });
  }
  node.node.loop->run_for(std::chrono::seconds(5));
  EXPECT_EQ(outcomes.size(), 16u);  // 1 to 16, each once
  EXPECT_TRUE(outcomes.contains("16"));
  node.stop();
}

TEST(Partition, ASleeperIsWokenByTheNextProcess) {
  PartitionNode node;
  node.start();
  node.lead();
  const auto id = id_at(0, 1);
  ASSERT_TRUE(node.run([&] {
    ASSERT_TRUE(node.submit(0, PartitionNode::invoke(id, "Nap", "50")));
    ASSERT_TRUE(node.node.loop->fibers.sleep_until(node.node.loop->in(std::chrono::seconds(1))));
    EXPECT_EQ(node.all[0]->status(id)->state, State::suspended);
  }));
  node.lose_power();
  node.start();
  node.lead();
  ASSERT_TRUE(node.run([&] { EXPECT_EQ(node.outcome(0, id), "awake"); }));
  node.stop();
}

// T03: an earlier timer must wake the sleeper that waits for a later one.
TEST(Partition, AnEarlierTimerIsNotHeldUpByALaterOne) {
  PartitionNode node;
  node.start();
  node.lead();
  ASSERT_TRUE(node.run([&] {
    ASSERT_TRUE(node.submit(0, PartitionNode::invoke(id_at(0, 1), "Nap", "40")));
    ASSERT_TRUE(node.node.loop->fibers.sleep_until(node.node.loop->in(std::chrono::seconds(1))));
    const Instant before = node.node.loop->clock.steady();
    ASSERT_TRUE(node.submit(0, PartitionNode::invoke(id_at(0, 2), "Nap", "5")));
    EXPECT_EQ(node.outcome(0, id_at(0, 2)), "awake");
    EXPECT_LT(node.node.loop->clock.steady() - before, std::chrono::seconds(6));
    EXPECT_EQ(node.outcome(0, id_at(0, 1)), "awake");
  }));
  node.stop();
}

// Who sleeps until a later timer sleeps by the clock as it was.
TEST(Partition, ATimerIsNotHeldUpByAClockThatWasSet) {
  PartitionNode node;
  node.start();
  node.lead();
  ASSERT_TRUE(node.run([&] {
    ASSERT_TRUE(node.submit(0, PartitionNode::invoke(id_at(0, 1), "Nap", "100")));
    ASSERT_TRUE(node.node.loop->fibers.sleep_until(node.node.loop->in(std::chrono::seconds(1))));
    node.clock->ahead = std::chrono::seconds(90);
    const Instant before = node.node.loop->clock.steady();
    ASSERT_TRUE(node.submit(0, PartitionNode::invoke(id_at(0, 2), "Nap", "20")));
    EXPECT_EQ(node.outcome(0, id_at(0, 2)), "awake");
    EXPECT_LT(node.node.loop->clock.steady() - before, std::chrono::seconds(21));
    EXPECT_EQ(node.outcome(0, id_at(0, 1)), "awake");
  }));
  node.stop();
}

TEST(Partition, CallsAcrossPartitionsAreAnsweredOnceEvenIfDeliveriesAreRepeated) {
  PartitionNode node;
  node.start();
  node.lead();
  node.lose_deliveries = 3;
  ASSERT_TRUE(node.run([&] {
    for (std::uint64_t n = 1; n <= 5; ++n) {
      ASSERT_TRUE(node.submit(0, PartitionNode::invoke(id_at(0, n), "Call", std::to_string(n))));
    }
    for (std::uint64_t n = 1; n <= 5; ++n) {
      EXPECT_EQ(node.outcome(0, id_at(0, n)), "said " + std::to_string(n));
    }
    // Nothing is owed any more, and the rows are gone.
    ASSERT_TRUE(node.node.loop->fibers.sleep_until(node.node.loop->in(std::chrono::seconds(5))));
    for (std::uint64_t p = 0; p < tests::partitions; ++p) {
      const tables::KeyRange outbox = tables::all_of(tables::Kind::outbox);
      auto scan = node.store(p).scan(outbox.from, outbox.to);
      ASSERT_TRUE(scan);
      EXPECT_TRUE((*scan)->next(100)->empty());
    }
  }));
  EXPECT_GE(node.deliveries, 4);
  node.stop();
}

// PP-6: rows after a restart are the rows before, wherever the checkpoint was.
TEST(Partition, ReplayGivesTheSameRows) {
  PartitionNode node;
  node.start();
  node.lead();
  for (int life = 0; life < 4; ++life) {
    ASSERT_TRUE(node.run([&] {
      for (std::uint64_t n = 1; n <= 10; ++n) {
        const std::uint64_t id = static_cast<std::uint64_t>(life) * 100 + n;
        const char* service = n % 3 == 0 ? "Echo" : n % 3 == 1 ? "Call" : "Hang";
        ASSERT_TRUE(node.submit(0, PartitionNode::invoke(id_at(0, id), service, "x")));
        const auto cut = static_cast<std::uint64_t>(life) * 2 + 3;
        if (life > 0 && n == cut) {
          ASSERT_TRUE(node.all[static_cast<std::size_t>(life) % 2]->checkpoint());
        }
      }
      ASSERT_TRUE(node.node.loop->fibers.sleep_until(node.node.loop->in(std::chrono::seconds(3))));
    }));
    const auto first = node.digest(0), second = node.digest(1);
    const Lsn applied = node.all[0]->applied();
    node.lose_power();
    node.start();
    EXPECT_EQ(node.all[0]->applied(), applied);
    EXPECT_EQ(node.digest(0), first);
    EXPECT_EQ(node.digest(1), second);
    node.lead();
  }
  node.stop();
}

TEST(Partition, ANewEpochEndsTheOldLeadership) {
  PartitionNode node;
  node.start();
  node.lead();
  ASSERT_TRUE(node.run([&] {
    EXPECT_EQ(node.all[0]->lead(Epoch(1)).error().code, Code::fenced);
    EXPECT_TRUE(node.all[0]->leads());
    ASSERT_TRUE(node.all[0]->lead(Epoch(7)));
    EXPECT_EQ(node.all[0]->epoch(), Epoch(7));
    ASSERT_TRUE(node.submit(0, PartitionNode::invoke(id_at(0, 1), "Echo", "x")));
    EXPECT_EQ(node.outcome(0, id_at(0, 1)), "x");
  }));
  EXPECT_EQ(node.drops, 1);
  node.stop();
  EXPECT_EQ(node.drops, 3);
}

// What the leader applies as it commits, a follower applies as somebody reads it; then either
// may lead, over and over.
TEST(Partition, AFollowerHasTheSameRowsAndMayLeadNext) {
  PartitionNode node;
  node.start();
  node.lead();
  tests::TestFamily family(node.node.loop->fibers);
  tables::Store store(node.node.loop->fibers, family);
  std::unique_ptr<Partition> follower = node.another(0, store);
  log::Log& log = *node.node.logs[0];
  const auto catch_up = [&](Partition& replica) {
    while (replica.applied() < log.committed()) {
      const auto records = log.read(replica.applied().next(), 200);
      ASSERT_TRUE(records);
      ASSERT_TRUE(replica.follow(*records));
    }
  };
  ASSERT_TRUE(node.run([&] {
    Partition& first = *node.all[0];
    ASSERT_TRUE(follower->open_tables());
    for (std::uint64_t n = 1; n <= 5; ++n) {
      ASSERT_TRUE(node.submit(0, PartitionNode::invoke(id_at(0, n), "Echo", "x")));
      EXPECT_EQ(node.outcome(0, id_at(0, n)), "x");
      catch_up(*follower);
    }
    EXPECT_EQ(follower->status(id_at(0, 1)).error().code, Code::retry_elsewhere);
    first.close();
    EXPECT_FALSE(first.leads());
    EXPECT_EQ(first.submit(wire::encode(PartitionNode::invoke(id_at(0, 6), "Echo", "x")), io::never)
                  .error()
                  .code,
              Code::retry_elsewhere);
    catch_up(*follower);
    EXPECT_EQ(follower->epoch(), first.epoch());
    EXPECT_EQ(store.digest().value(), node.store(0).digest().value());

    ASSERT_TRUE(follower->open(log));
    ASSERT_TRUE(follower->lead(follower->epoch().next()));
    EXPECT_EQ(follower->status(id_at(0, 3))->state, State::completed);
    follower->close();
    catch_up(first);
    EXPECT_EQ(first.epoch(), follower->epoch());
    EXPECT_EQ(store.digest().value(), node.store(0).digest().value());
    follower->stop();
  }));
  follower.reset();
  node.stop();
}

TEST(Partition, ALeaderConfirmsThatItLeads) {
  PartitionNode node;
  node.start();
  ASSERT_TRUE(node.run(
      [&] { EXPECT_EQ(node.all[0]->confirm(io::never).error().code, Code::retry_elsewhere); }));
  node.lead();
  ASSERT_TRUE(node.run([&] {
    const Lsn before = node.all[0]->applied();
    ASSERT_TRUE(node.all[0]->confirm(io::never));
    EXPECT_GT(node.all[0]->applied(), before);
  }));
  node.node.disk.fail_syncs(1);
  ASSERT_TRUE(node.run(
      [&] { EXPECT_EQ(node.all[0]->confirm(io::never).error().code, Code::retry_elsewhere); }));
  node.stop();
}

TEST(Partition, WhoWaitsIsToldWhenTheLogEnds) {
  PartitionNode node;
  node.start();
  node.lead();
  std::string waited;
  node.node.loop->scheduler.spawn_root("client", [&] {
    ASSERT_TRUE(node.submit(0, PartitionNode::invoke(id_at(0, 1), "Hang", "x")));
    waited = node.outcome(0, id_at(0, 1));
  });
  node.node.loop->run_for(std::chrono::seconds(1));
  node.node.disk.fail_syncs(1);
  ASSERT_TRUE(node.run([&] {
    const auto submitted = node.submit(0, PartitionNode::invoke(id_at(0, 2), "Echo", "x"));
    ASSERT_FALSE(submitted);
    EXPECT_EQ(submitted.error().code, Code::failed);
    EXPECT_FALSE(node.all[0]->leads());
    EXPECT_TRUE(node.all[0]->log_ended());
  }));
  node.node.loop->run_for(std::chrono::seconds(1));
  EXPECT_EQ(waited, "retry_elsewhere");
  node.stop();
}

// Ending a leadership takes a while, in which whoever owns the log may close it.
TEST(Partition, ALogThatEndedMayBeClosedWhileItsLeadershipEnds) {
  PartitionNode node;
  node.start();
  node.lead();
  bool closed = false;
  node.on_drop = [&] {
    node.on_drop = nullptr;
    node.node.loop->scheduler.spawn_root("owner", [&] {
      node.all[0]->close();
      closed = true;
    });
  };
  node.node.disk.fail_syncs(1);
  ASSERT_TRUE(node.run([&] {
    const auto submitted = node.submit(0, PartitionNode::invoke(id_at(0, 1), "Echo", "x"));
    ASSERT_FALSE(submitted);
    EXPECT_TRUE(submitted.error().detail.starts_with("the log ended")) << submitted.error().detail;
  }));
  node.node.loop->run_for(std::chrono::seconds(1));
  EXPECT_TRUE(closed);
  EXPECT_FALSE(node.all[0]->leads());
  node.stop();
}

TEST(Partition, WhatHasExpiredIsSweptByTheHour) {
  PartitionNode node;
  node.start();
  node.lead();
  ASSERT_TRUE(node.run([&] {
    for (std::uint64_t n = 1; n <= 600; ++n) {
      while (!node.submit(0, PartitionNode::invoke(id_at(0, n), "Echo", "x"))) {
        ASSERT_TRUE(
            node.node.loop->fibers.sleep_until(node.node.loop->in(std::chrono::seconds(1))));
      }
    }
    EXPECT_EQ(node.outcome(0, id_at(0, 1)), "x");
  }));
  node.node.loop->run_for(std::chrono::hours(4));
  ASSERT_TRUE(node.run([&] {
    EXPECT_EQ(node.all[0]->status(id_at(0, 1))->state, State::absent);
    auto scan = node.store(0).scan(tables::all_of(tables::Kind::live).from, tables::key_end);
    ASSERT_TRUE(scan);
    EXPECT_TRUE((*scan)->next(1000)->empty());
  }));
  node.stop();
}

// Power is lost at any effect of a busy node: what was acknowledged is there, and every
// object counts each addition once.
TEST(Partition, NothingAcknowledgedIsLostWhereverItDies) {
  const auto home = wire::partition_of(object_id(0).partition_key, tests::partitions).raw();
  for (std::uint64_t crash = 1; crash < 60; crash += 3) {
    PartitionNode node(crash);
    node.start();
    node.lead();
    std::set<std::uint64_t> accepted;
    std::map<std::uint64_t, std::string> answered;
    for (std::uint64_t n = 1; n <= 12; ++n) {
      node.node.loop->scheduler.spawn_root("client", [&, n] {
        if (!node.submit(home, PartitionNode::invoke(object_id(n), "Add", "", true))) return;
        accepted.insert(n);
        const std::string outcome = node.outcome(home, object_id(n));
        if (std::isdigit(outcome[0])) answered[n] = outcome;
      });
    }
    node.node.disk.crash_at(crash);
    node.node.loop->run_for(std::chrono::seconds(5));
    node.lose_power();
    node.start();
    node.lead();
    std::set<std::string> outcomes;
    ASSERT_TRUE(node.run([&] {
      for (const std::uint64_t n : accepted) {
        const std::string outcome = node.outcome(home, object_id(n));
        EXPECT_TRUE(std::isdigit(outcome[0])) << "crash " << crash << ": " << outcome;
        if (answered.contains(n)) {
          EXPECT_EQ(outcome, answered[n]);
        }
        EXPECT_TRUE(outcomes.insert(outcome).second) << "counted twice: " << outcome;
      }
    }));
    node.stop();
  }
}

// Its journal is that of a completed invocation.
wire::Record restarted(const wire::InvocationId& id, const std::string& service, Past past) {
  wire::Record record = PartitionNode::invoke(id, service, "");
  std::get<wire::Invoke>(record.commands[0].body).inherited =
      wire::Inherited{.journal = std::move(past.frames)};
  return record;
}

TEST(Partition, ACompletedInvocationBeginsAgainWhereItsJournalEnds) {
  PartitionNode node;
  node.start();
  node.lead();
  const auto id = id_at(0, 1), again = id_at(0, 2);
  ASSERT_TRUE(node.run([&] {
    EXPECT_EQ(node.all[0]->past(id).error().code, Code::not_found);
    ASSERT_TRUE(node.submit(0, PartitionNode::invoke(id, "Nap", "50")));
    EXPECT_EQ(node.all[0]->past(id).error().code, Code::not_found);
    EXPECT_EQ(node.outcome(0, id), "awake");
    auto past = node.all[0]->past(id);
    ASSERT_TRUE(past);
    EXPECT_EQ(past->target.service, "Nap");
    // Without its output it has to come to one again, and has slept already.
    std::string_view rest = past->frames;
    for (int n = 0; n < 3; ++n) ASSERT_TRUE(wire::next_frame(rest));
    past->frames.resize(past->frames.size() - rest.size());
    const Instant before = node.node.loop->clock.steady();
    ASSERT_TRUE(node.submit(0, restarted(again, "Nap", std::move(*past))));
    EXPECT_EQ(node.outcome(0, again), "awake");
    EXPECT_LT(node.node.loop->clock.steady() - before, std::chrono::seconds(1));
  }));
  node.all[0]->check_invariants();
  node.stop();
}

TEST(Partition, ALongJournalIsInheritedWholeAndSurvivesACrash) {
  PartitionNode node;
  node.node.wal_options.bytes_max = 64 << 20;
  // While a segment is being made there is no room.
  const auto submit = [&](const wire::Record& record) {
    while (!node.submit(0, record)) {
      ASSERT_TRUE(
          node.node.loop->fibers.sleep_until(node.node.loop->in(std::chrono::milliseconds(1))));
    }
  };
  node.start();
  node.lead();
  const auto id = id_at(0, 1), again = id_at(0, 2);
  const std::string large(40'000, 'x');
  std::string frames;
  ASSERT_TRUE(node.run([&] {
    submit(PartitionNode::invoke(id, "Echo", large));
    EXPECT_EQ(node.outcome(0, id), large);
    auto past = node.all[0]->past(id);
    ASSERT_TRUE(past);
    EXPECT_GT(past->frames.size(), 80'000u);  // the input, and the output
    std::string_view rest = past->frames;
    ASSERT_TRUE(wire::next_frame(rest));
    past->frames.resize(past->frames.size() - rest.size());
    frames = past->frames;
    submit(restarted(again, "Echo", std::move(*past)));
  }));
  node.lose_power();
  node.start();
  node.lead();
  ASSERT_TRUE(node.run([&] {
    EXPECT_EQ(node.outcome(0, again), large);
    const auto past = node.all[0]->past(again);
    ASSERT_TRUE(past);
    EXPECT_TRUE(past->frames.starts_with(frames));
    ASSERT_TRUE(node.submit(0, [&] {
      wire::Record record;
      record.commands.push_back({.body = wire::Purge{.ids = {again}, .journal_only = true}});
      record.producer =
          wire::RequestProducer{.low = 1, .first_attempt = node.node.loop->clock.wall()};
      return record;
    }()));
    EXPECT_EQ(node.all[0]->past(again)->frames, "");
  }));
  node.stop();
}

}  // namespace
}  // namespace perdure::processor
