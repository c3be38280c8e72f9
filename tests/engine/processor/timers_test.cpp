#include "engine/processor/timers.h"

#include <gtest/gtest.h>

#include "host/manual_loop.h"
#include "tests/engine/tables/test_family.h"
#include "tests/support/bare_world.h"
#include "tests/support/counting_random.h"
#include "tests/support/silent_trace.h"

namespace perdure::processor {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Of which somebody knows when it is scanned.
class WatchedFamily final : public tests::TestFamily {
 public:
  using TestFamily::TestFamily;
  std::function<void()> on_scan = [] {};

  Result<std::unique_ptr<io::Cursor>> scan(std::string_view from, std::string_view to) override {
    auto cursor = TestFamily::scan(from, to);
    on_scan();
    return cursor;
  }
};

// Timers over rows, and what fires of them.
class TimersTest : public testing::Test, private Proposer {
 protected:
  tables::Timer at(Duration after, std::uint32_t completion_id = 0) const {
    return {.due = begin + std::chrono::duration_cast<milliseconds>(after),
            .completion_id = completion_id};
  }
  void row(const tables::Timer& timer) { family.rows[tables::timer_key(timer).str()] = ""; }
  void run(Bounds bounds, Duration span) {
    loop.scheduler.spawn_root("timers", [this, bounds] {
      tables::Store store(loop.fibers, family);
      Timers all(bare.world, store, *this, bounds);
      timers = &all;
      (void)all.run();
    });
    loop.run_for(span);
    loop.scheduler.kill_all();
  }

  host::ManualLoop loop;
  WatchedFamily family{loop.fibers};
  tests::SilentTrace trace;
  tests::CountingRandom random;
  std::byte nothing[64] = {};
  tests::BareWorld bare{{.clock = loop.clock,
                         .fibers = loop.fibers,
                         .http = *reinterpret_cast<io::Http*>(nothing),
                         .random = random,
                         .trace = trace}};
  const WallTime begin = loop.clock.wall();
  Timers* timers = nullptr;
  std::multimap<WallTime, WallTime> fired;  // due, and when

 private:
  Result<Lsn> propose(std::vector<wire::Command>&& commands) override {
    for (const wire::Command& command : commands) {
      const auto& fire = std::get<wire::Fire>(command.body);
      fired.emplace(fire.due, loop.clock.wall());
    }
    return Lsn(1);
  }
  Result<void> wait_applied(Lsn, Instant) override { return {}; }
};

TEST_F(TimersTest, AllThatAreDueAtOnceFireThoughFewAreInMemory) {
  for (std::uint32_t n = 0; n < 30; ++n) row(at(seconds(1), n));
  run({.timers = 4, .timers_fired = 3, .scan_bytes = 1}, seconds(30));
  EXPECT_EQ(fired.size(), 30u);
  for (const auto& [due, when] : fired) EXPECT_LE(when - due, milliseconds(100));
}

// Those that come while others are loaded push it out of memory, behind what is loaded.
TEST_F(TimersTest, NoneIsForgottenWhileOthersAreLoaded) {
  for (const int due : {20, 30, 31, 32, 33, 34}) row(at(seconds(due)));
  int scans = 0;
  family.on_scan = [this, &scans] {
    if (++scans != 2) return;
    for (int n = 1; n <= 9; ++n) timers->added(at(seconds(30) + milliseconds(n * 100)));
  };
  run({.timers = 4, .scan_bytes = 1}, seconds(60));
  EXPECT_EQ(scans, 2);
  EXPECT_EQ(fired.size(), 15u);
  for (const auto& [due, when] : fired) EXPECT_LE(when - due, milliseconds(100));
}

}  // namespace
}  // namespace perdure::processor
