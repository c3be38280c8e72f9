// What one echo costs the processor: an Invoke, and [Pin, Output, End] of its handler, with
// a day of retention, 64-byte bodies; rows in memory, a checkpoint's layer growing.
//
//   as_leader     records as they were proposed, decoded
//   as_follower   and decoded from the log first
#include <benchmark/benchmark.h>

#include "engine/base/check.h"
#include "engine/processor/apply.h"
#include "host/manual_loop.h"

namespace perdure::processor {
namespace {

// A base in which nothing is, and whose caches know it.
class EmptyFamily final : public io::Family {
 public:
  io::Peek peek(std::string_view, std::string&) override { return io::Peek::absent; }
  Result<std::optional<std::string>> get(std::string_view) override { return std::nullopt; }
  Result<std::unique_ptr<io::Cursor>> scan(std::string_view, std::string_view) override {
    return fail(Code::failed, "not for scans");
  }
  Result<void> ingest(io::Run) override { return {}; }
  Result<void> export_to(std::string_view) override { return {}; }
};

const WallTime now{std::chrono::hours(450'000)};

wire::InvocationId id_of(std::uint64_t n) {
  return {.partition_key = wire::unkeyed_partition_key("Echo", n % 512),
          .uuid = {.high = n * 0x9E3779B97F4A7C15u, .low = n}};
}

wire::Record invoke(std::uint64_t n) {
  wire::Invoke invoke{.id = id_of(n),
                      .target = {.service = "Echo", .handler = "echo"},
                      .input = std::string(64, 'x')};
  for (const char* name : {"x-restate-ingress-path", "user-agent", "accept", "content-type",
                           "content-length"}) {
    invoke.headers.push_back({.key = name, .value = "some/value"});
  }
  invoke.retention = {.completion = std::chrono::hours(24), .journal = std::chrono::hours(24)};
  invoke.idempotency_key = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
  invoke.random_seed = n;
  wire::Record record{.at = now};
  record.commands.push_back({.body = std::move(invoke)});
  return record;
}

wire::Record answer(std::uint64_t n, std::uint64_t seq) {
  wire::OutputCommand output;
  output.result = wire::Value{.content = std::string(64, 'x')};
  wire::Record record{.at = now, .producer = wire::SelfProducer{.epoch = Epoch(1), .seq = seq}};
  record.commands.push_back(
      {.body = wire::Pin{.id = id_of(n), .deployment = {}, .protocol_version = 6}});
  record.commands.push_back({.body = wire::Entry{.id = id_of(n),
                                                 .type = wire::MessageType::output_command,
                                                 .payload = wire::encode(output)}});
  record.commands.push_back({.body = wire::End{.id = id_of(n)}});
  return record;
}

struct Bench {
  Bench() : store(loop.fibers, family) {
    wire::Record announce{.at = now};
    announce.commands.push_back({.body = wire::AnnounceLeader{.epoch = Epoch(1)}});
    take(announce);
  }
  void take(const wire::Record& record) {
    tables::Reads missing;
    missing_for(record, owner, store, missing);
    CHECK(missing.keys.empty());
    changes.clear();
    CHECK(apply(lsn = lsn.next(), record, owner, store, changes).has_value());
    CHECK(changes.verdict == Verdict::applied);
  }
  host::ManualLoop loop;
  EmptyFamily family;
  tables::Store store;
  const Owner owner;
  Lsn lsn;
  Changes changes;
};

constexpr std::uint64_t batch = 20'000;

void as_leader(benchmark::State& state) {
  Bench bench;
  std::uint64_t n = 0;
  std::vector<wire::Record> records;
  for (auto _ : state) {
    if (n % batch == 0) {
      state.PauseTiming();
      records.clear();
      for (std::uint64_t i = 1; i <= batch; ++i) {
        records.push_back(invoke(n + i));
        records.push_back(answer(n + i, n + i));
      }
      state.ResumeTiming();
    }
    bench.take(records[2 * (n % batch)]);
    bench.take(records[2 * (n % batch) + 1]);
    ++n;
  }
}
BENCHMARK(as_leader);

void as_follower(benchmark::State& state) {
  Bench bench;
  std::uint64_t n = 0;
  std::vector<std::string> records;
  for (auto _ : state) {
    if (n % batch == 0) {
      state.PauseTiming();
      records.clear();
      for (std::uint64_t i = 1; i <= batch; ++i) {
        records.push_back(wire::encode(invoke(n + i)));
        records.push_back(wire::encode(answer(n + i, n + i)));
      }
      state.ResumeTiming();
    }
    bench.take(*wire::decode<wire::Record>(records[2 * (n % batch)]));
    bench.take(*wire::decode<wire::Record>(records[2 * (n % batch) + 1]));
    ++n;
  }
}
BENCHMARK(as_follower);

}  // namespace
}  // namespace perdure::processor

BENCHMARK_MAIN();
