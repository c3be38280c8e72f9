#include "host/scheduler.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "host/manual_loop.h"

namespace perdure::host {
namespace {

using io::Heed;
using io::Woken;
using namespace std::chrono_literals;

TEST(Scheduler, RunsInOrderOfStart) {
  ManualLoop loop;
  std::string order;
  for (const char c : std::string("abc")) {
    loop.scheduler.spawn_root("letter", [&, c] {
      order += c;
      loop.fibers.yield();
      order += c;
    });
  }
  loop.run_until_idle();
  EXPECT_EQ(order, "abcabc");
  EXPECT_EQ(loop.scheduler.size(), 0U);
}

TEST(Scheduler, TurnEndComesWhenNobodyElseIsReady) {
  ManualLoop loop;
  std::string order;
  io::Event go(loop.fibers);
  loop.scheduler.spawn_root("batch", [&] {
    loop.fibers.turn_end();
    order += "flush ";
  });
  loop.scheduler.spawn_root("waits", [&] {
    EXPECT_TRUE(go.wait());
    order += "woken ";
  });
  loop.scheduler.spawn_root("wakes", [&] {
    order += "wakes ";
    go.notify_all();
  });
  loop.scheduler.run_ready();
  EXPECT_EQ(order, "wakes woken flush ");
}

TEST(Scheduler, WhoYieldsLetsTheHostLookAtTheWorld) {
  ManualLoop loop;
  int rounds = 0;
  loop.scheduler.spawn_root("spins", [&] {
    for (; rounds < 3; ++rounds) loop.fibers.yield();
  });
  loop.scheduler.run_ready();
  EXPECT_EQ(rounds, 0);
  EXPECT_TRUE(loop.scheduler.has_ready());
  EXPECT_EQ(loop.scheduler.next_deadline(), loop.clock.steady());
  loop.scheduler.run_ready();
  EXPECT_EQ(rounds, 1);
}

TEST(Scheduler, DeadlinesFireInOrderAndStaleOnesDoNot) {
  ManualLoop loop;
  std::string order;
  const Instant start = loop.clock.steady();
  io::Event event(loop.fibers);
  loop.scheduler.spawn_root("late", [&] {
    EXPECT_TRUE(loop.fibers.sleep_until(start + 2s));
    order += "late ";
  });
  loop.scheduler.spawn_root("early", [&] {
    EXPECT_TRUE(loop.fibers.sleep_until(start + 1s));
    order += "early ";
    event.notify_all();
  });
  loop.scheduler.spawn_root("waits", [&] {
    EXPECT_TRUE(event.wait(start + 1500ms));
    order += "woken ";
  });
  loop.run_until_idle();
  EXPECT_EQ(order, "early woken late ");
  EXPECT_EQ(loop.clock.steady(), start + 2s);  // not 1.5 s and then on
}

TEST(Scheduler, ManyWaitsThatAreWokenEarlyLeaveNothingBehind) {
  ManualLoop loop;
  io::Event event(loop.fibers);
  int woken = 0;
  loop.scheduler.spawn_root("waits", [&] {
    while (event.wait(loop.in(30s))) ++woken;
  });
  loop.scheduler.spawn_root("wakes", [&] {
    for (int i = 0; i < 10'000; ++i) {
      event.notify_one();
      loop.fibers.turn_end();
    }
  });
  loop.run_until_idle();
  EXPECT_EQ(woken, 10'000);
}

TEST(Scheduler, CancelEndsEveryParkFromThenOn) {
  ManualLoop loop;
  std::vector<Woken> seen;
  loop.run([&] {
    io::Group group(loop.fibers);
    group.start("waits", [&] {
      seen.push_back(loop.fibers.park(io::never));
      seen.push_back(loop.fibers.park(io::never));
      seen.push_back(loop.fibers.park(loop.in(1s), Heed::deadline_only));
    });
    loop.fibers.turn_end();
    group.stop();
    group.start("never", [&] { ADD_FAILURE(); });
  });
  EXPECT_EQ(seen, (std::vector{Woken::by_cancel, Woken::by_cancel, Woken::by_deadline}));
}

TEST(Scheduler, CancelDoesNotReachWhoHeedsOnlyDeadlines) {
  ManualLoop loop;
  Woken seen = Woken::by_cancel;
  loop.run([&] {
    io::Group group(loop.fibers);
    io::FiberId member;
    group.start("waits", [&] {
      member = loop.fibers.self();
      seen = loop.fibers.park(io::never, Heed::deadline_only);
    });
    loop.fibers.turn_end();
    group.cancel();
    loop.fibers.turn_end();
    EXPECT_EQ(group.size(), 1U);
    loop.fibers.wake(member);
    group.join();
  });
  EXPECT_EQ(seen, Woken::by_waker);
}

TEST(Scheduler, AWakeForNobodyDoesNothing) {
  ManualLoop loop;
  io::FiberId gone;
  EXPECT_TRUE(loop.run([&] { gone = loop.fibers.self(); }));
  loop.fibers.wake(gone);
  loop.fibers.wake({});
  loop.fibers.wake({.slot = 999, .life = 1});
  loop.fibers.cancel(gone);
  EXPECT_FALSE(loop.scheduler.has_ready());
  Woken seen = Woken::by_waker;
  EXPECT_TRUE(loop.run([&] {
    loop.fibers.wake(loop.fibers.self());  // not parked: no memory of it
    seen = loop.fibers.park(loop.in(1s));
  }));
  EXPECT_EQ(seen, Woken::by_deadline);
}

// notify_one() gives its notification to a fiber whose deadline has just passed.  If
// that fiber reported a time-out, the item would lie there and the other sleep on.
TEST(Scheduler, ANotificationGivenToATimedOutFiberIsNotLost) {
  ManualLoop loop;
  io::Queue<int> queue(loop.fibers, 10);
  const Instant deadline = loop.in(1s);
  int taken = 0;
  loop.scheduler.spawn_root("pusher", [&] {
    EXPECT_TRUE(loop.fibers.sleep_until(deadline));
    EXPECT_TRUE(queue.try_push(7));
  });
  loop.scheduler.spawn_root("first", [&] { taken += queue.pop(deadline).value_or(0); });
  loop.scheduler.spawn_root("second", [&] { taken += queue.pop(loop.in(9s)).value_or(0); });
  loop.run_until_idle();
  EXPECT_EQ(taken, 7);
}

TEST(Scheduler, QueuesCarryItemsAndPushBack) {
  ManualLoop loop;
  io::Queue<int> queue(loop.fibers, 4);
  int sum = 0;
  loop.scheduler.spawn_root("pushes", [&] {
    for (int i = 1; i <= 100; ++i) EXPECT_TRUE(queue.push(i));
    queue.close();
  });
  loop.scheduler.spawn_root("pops", [&] {
    while (true) {
      EXPECT_LE(queue.size(), 4U);
      const auto item = queue.pop();
      if (!item) break;
      sum += *item;
    }
  });
  loop.run_until_idle();
  EXPECT_EQ(sum, 5050);
}

TEST(Scheduler, GroupsJoinAndFreeWhatTheirFibersHold) {
  ManualLoop loop;
  auto held = std::make_shared<int>(1);
  EXPECT_TRUE(loop.run([&] {
    io::Group group(loop.fibers);
    group.start("holds", [&loop, held] { EXPECT_TRUE(loop.fibers.sleep_until(loop.in(1s))); });
    EXPECT_EQ(held.use_count(), 2);
    group.join();
    EXPECT_EQ(held.use_count(), 1);
  }));
}

// The runtime keeps caught exceptions per thread; ours must be per fiber.
TEST(Scheduler, ExceptionsStayWithTheirFiber) {
  ManualLoop loop;
  std::string seen;
  for (const char* const name : {"one", "two", "three"}) {
    loop.scheduler.spawn_root(name, [&, name] {
      try {
        try {
          throw std::runtime_error(name);
        } catch (const std::runtime_error&) {
          loop.fibers.yield();
          throw;
        }
      } catch (const std::runtime_error& error) {
        seen += error.what() == std::string(name) ? "own " : "another's ";
      }
      EXPECT_EQ(std::uncaught_exceptions(), 0);
    });
  }
  loop.run_until_idle();
  EXPECT_EQ(seen, "own own own ");
}

TEST(Scheduler, TenThousandFibersSleepAndWake) {
#if defined(__SANITIZE_THREAD__)
  constexpr int fibers = 500;  // each costs it 870 KB
#else
  constexpr int fibers = 10'000;
#endif
  ManualLoop loop;
  int ended = 0;
  EXPECT_TRUE(loop.run([&] {
    io::Group group(loop.fibers);
    for (int i = 0; i < fibers; ++i) {
      group.start("one of many", [&, i] {
        EXPECT_TRUE(loop.fibers.sleep_until(loop.in(std::chrono::milliseconds(i % 100))));
        ++ended;
      });
    }
    group.join();
  }));
  EXPECT_EQ(ended, fibers);
}

struct Notes {
  std::string& log;
  std::string_view text;
  ~Notes() { log += text; }
};

TEST(Scheduler, KillUnwindsTheYoungestFirst) {
  ManualLoop loop;
  std::string log;
  io::Event event(loop.fibers);
  loop.scheduler.spawn_root("parent", [&] {
    const Notes notes{log, "parent "};
    io::Group group(loop.fibers);
    group.start("child", [&] {
      const Notes child_notes{log, "child "};
      (void)event.wait();
      log += "not reached ";
    });
    group.join();
  });
  loop.scheduler.spawn_root("sleeps", [&] {
    const Notes notes{log, "sleeps "};
    (void)loop.fibers.sleep_until(loop.in(1s));
  });
  loop.scheduler.spawn_root("at turn end", [&] {
    const Notes notes{log, "yields "};
    loop.fibers.yield();
  });
  loop.scheduler.run_ready();
  loop.scheduler.spawn_root(
      "not begun", [&, notes = std::make_unique<Notes>(log, "body ")] { log += "not reached "; });
  loop.scheduler.kill_all();
  EXPECT_EQ(log, "body child yields sleeps parent ");
  EXPECT_EQ(loop.scheduler.size(), 0U);
  EXPECT_FALSE(loop.scheduler.next_deadline().has_value());
  EXPECT_TRUE(loop.run([&] { log = "alive"; }));
  EXPECT_EQ(log, "alive");
}

struct Meddles {
  io::Event& event;
  io::Group& group;
  ~Meddles() {
    event.notify_all();
    group.start("late", [] { ADD_FAILURE(); });
    group.cancel();
  }
};

TEST(Scheduler, WakeStartAndCancelDoNothingDuringAKill) {
  ManualLoop loop;
  io::Event event(loop.fibers);
  io::Group group(loop.fibers);
  for (int i = 0; i < 3; ++i) {
    group.start("meddles", [&] {
      const Meddles meddles{event, group};
      (void)event.wait();
    });
  }
  loop.scheduler.run_ready();
  loop.scheduler.kill_all();
  EXPECT_EQ(group.size(), 0U);
}

TEST(Scheduler, AKilledFiberThatParksAgainIsThrownAgain) {
  ManualLoop loop;
  int thrown = 0;
  loop.scheduler.spawn_root("stubborn", [&] {
    try {
      loop.fibers.park(io::never);
    } catch (...) {
      ++thrown;
      try {
        loop.fibers.park(io::never);
      } catch (...) {
        ++thrown;
      }
      throw;
    }
  });
  loop.scheduler.run_ready();
  loop.scheduler.kill_all();
  EXPECT_EQ(thrown, 2);
}

TEST(Scheduler, ListsWhoIsParked) {
  ManualLoop loop;
  loop.scheduler.spawn_root("log.sync", [&] { (void)loop.fibers.sleep_until(loop.in(1s)); });
  loop.scheduler.run_ready();
  const auto parked = loop.scheduler.parked();
  ASSERT_EQ(parked.size(), 1U);
  EXPECT_EQ(parked[0].name, "log.sync");
  EXPECT_EQ(parked[0].since, loop.clock.steady());
  EXPECT_EQ(parked[0].deadline, loop.in(1s));
}

TEST(Scheduler, ADirectorPicksAndWatches) {
  struct Last : Director {
    std::size_t pick(std::span<const io::FiberId> ready) override { return ready.size() - 1; }
    void before_step(io::FiberId, std::string_view name) override { steps += name; }
    void after_step(io::FiberId) override { steps += ' '; }
    std::string steps;
  } last;
  ManualLoop loop;
  loop.scheduler.direct(&last);
  for (const char* const name : {"a", "b", "c"}) {
    loop.scheduler.spawn_root(name, [&] { loop.fibers.turn_end(); });
  }
  loop.run_until_idle();
  EXPECT_EQ(last.steps, "c b a a b c ");
}

TEST(Scheduler, WorkRunsOnTheLoopsStack) {
  ManualLoop loop;
  int runs = 0;
  EXPECT_TRUE(loop.run([&] {
    loop.scheduler.on_loop_stack([&] {
      std::array<char, 4 << 20> big;
      big.fill('x');
      runs += big[runs + 1'000'000] == 'x';
      EXPECT_EQ(loop.fibers.self(), io::FiberId());
    });
    loop.scheduler.on_loop_stack([&] { ++runs; });
  }));
  EXPECT_EQ(runs, 2);
}

int deep(int depth) {
  volatile char frame[512] = {};
  frame[depth % 512] = 1;
  return depth == 0 ? 0 : deep(depth - 1) + frame[depth % 512];
}

TEST(Scheduler, KnowsTheDeepestStackOfAName) {
  ManualLoop loop;
  loop.scheduler.spawn_root("shallow", [] {});
  loop.scheduler.spawn_root("deep", [] { EXPECT_EQ(deep(40), 40); });
  loop.run_until_idle();
  if (!stacks_measured) {
    EXPECT_TRUE(loop.scheduler.stack_use().empty());
    return;
  }
  EXPECT_GT(loop.scheduler.stack_use().at("deep"), 20'000U);
  EXPECT_LT(loop.scheduler.stack_use().at("shallow"), 20'000U);
}

TEST(SchedulerDeathTest, AnExceptionThatLeavesAFiberEndsTheProcess) {
  EXPECT_DEATH(
      {
        ManualLoop loop;
        loop.run([] { throw std::runtime_error("boom"); });
      },
      "fiber 'test' was left by an exception: boom");
}

TEST(ManualLoop, SaysThatAFiberWillNeverEnd) {
  ManualLoop loop;
  EXPECT_FALSE(loop.run([&] { loop.fibers.park(io::never); }));
}

}  // namespace
}  // namespace perdure::host
