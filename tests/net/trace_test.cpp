#include "net/trace/trace.h"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <sstream>

#include "host/manual_loop.h"

namespace perdure::net {
namespace {

// What `tell` writes, at Level::info.
std::string told(LineFormat format, const std::function<void(io::Trace&)>& tell) {
  std::ostringstream out;
  Log log({.format = format}, std::make_shared<spdlog::sinks::ostream_sink_mt>(out));
  host::ManualClock clock;
  ShardTrace trace(log, clock, 3);
  tell(trace);
  return out.str();
}

TEST(Trace, WritesALineForPeople) {
  EXPECT_EQ(told(LineFormat::pretty,
                 [](io::Trace& trace) {
                   trace.event(io::Level::warn, "log.seal.started",
                               {{"loglet", 7}, {"why", "two words"}, {"by", "n1"}});
                 }),
            "2023-11-14T23:13:20.000Z WARN  [3] log.seal.started loglet=7 why=\"two words\" "
            "by=n1\n");
}

TEST(Trace, WritesALineForMachines) {
  EXPECT_EQ(told(LineFormat::json,
                 [](io::Trace& trace) {
                   trace.event(io::Level::info, "wal.torn",
                               {{"at", 4096}, {"detail", "say \"x\"\n"}});
                 }),
            R"({"time":"2023-11-14T23:13:20.000Z","level":"info","shard":3,"event":"wal.torn",)"
            R"("at":4096,"detail":"say \"x\"\u000a"})"
            "\n");
}

TEST(Trace, LeavesOutWhatIsNotWanted) {
  EXPECT_EQ(told(LineFormat::pretty,
                 [](io::Trace& trace) {
                   EXPECT_FALSE(trace.wants(io::Level::debug));
                   trace.event(io::Level::debug, "http.request.began");
                 }),
            "");
}

TEST(Counters, AreSummedOverShards) {
  Counters one, two;
  one.add("wal.syncs", 2);
  one.add(std::string("wal.") + "syncs", 3);  // the same text at another address
  two.add("wal.syncs", 10);
  two.add("http.requests", 1);
  std::map<std::string, std::uint64_t> sums;
  one.sum_into(sums);
  two.sum_into(sums);
  EXPECT_EQ(sums, (std::map<std::string, std::uint64_t>{{"wal.syncs", 15}, {"http.requests", 1}}));
  EXPECT_EQ(prometheus(sums),
            "# TYPE perdure_http_requests_total counter\nperdure_http_requests_total 1\n"
            "# TYPE perdure_wal_syncs_total counter\nperdure_wal_syncs_total 15\n");
}

}  // namespace
}  // namespace perdure::net
