// What an invocation costs the tables of its partition: the records of an echo and of a
// counter's `add`, applied as their leader does (decoded already), and as a start replays
// them (from bytes).  Over a memory family whose caches know that there is nothing below.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/base/check.h"
#include "engine/processor/apply.h"
#include "engine/tables/store.h"
#include "engine/wire/service_protocol.h"
#include "host/manual_loop.h"

namespace {

using namespace perdure;

// Nothing lies below the layers, and that is known at once.
class Nothing final : public io::Family {
 public:
  io::Peek peek(std::string_view, std::string&) override { return io::Peek::absent; }
  Result<std::optional<std::string>> get(std::string_view) override {
    return std::optional<std::string>();
  }
  Result<std::unique_ptr<io::Cursor>> scan(std::string_view, std::string_view) override {
    return std::unique_ptr<io::Cursor>(std::make_unique<End>());
  }
  Result<void> ingest(io::Run) override { return {}; }
  Result<void> export_to(std::string_view) override {
    return fail(Code::invalid, "there is nothing to export");
  }

 private:
  struct End final : io::Cursor {
    using Rows = std::vector<std::pair<std::string, std::string>>;
    Result<Rows> next(std::size_t) override { return Rows(); }
  };
};

constexpr processor::Owner owner{.partition = PartitionId(0), .partitions = 1};
constexpr Epoch epoch{1};
constexpr std::uint64_t objects = 10'000;
constexpr std::size_t invocations_kept = 20'000;  // then the rows are dropped

class Replica {
 public:
  Replica() { renew(); }

  void renew() {
    store_ = std::make_unique<tables::Store>(loop_.fibers, family_);
    lsn_ = Lsn(0);
    seq_ = 0;
    apply({.at = at(), .commands = {{.body = wire::AnnounceLeader{.epoch = epoch}}}});
  }

  wire::Record begins(std::uint64_t n, bool object) const {
    wire::Invoke invoke{.id = id_of(n, object),
                        .target = {.service = "Bench", .key = {}, .handler = "echo"},
                        .input = std::string(64, 'x'),
                        .random_seed = n};
    if (object) {
      invoke.target = {.service_type = wire::ServiceType::virtual_object,
                       .handler_type = wire::HandlerType::exclusive,
                       .service = "BenchObject",
                       .key = key_of(n),
                       .handler = "add"};
    }
    return {.at = at(), .commands = {{.body = std::move(invoke)}}};
  }

  // All that the attempt said, as it arrives: together.
  wire::Record ends(std::uint64_t n, bool object) {
    const wire::InvocationId id = id_of(n, object);
    wire::Record record{.at = at(), .producer = wire::SelfProducer{.epoch = epoch, .seq = ++seq_}};
    record.commands.push_back({.body = wire::Pin{.id = id, .protocol_version = 6}});
    if (object) {
      record.commands.push_back(entry(id, wire::MessageType::set_state_command,
                                      wire::SetStateCommand{.key = "value", .value = {"7"}}));
    }
    record.commands.push_back(
        entry(id, wire::MessageType::output_command,
              wire::OutputCommand{.result = wire::Value{std::string(64, 'x')}}));
    record.commands.push_back({.body = wire::End{.id = id}});
    return record;
  }

  void apply(const wire::Record& record) {
    for (tables::Reads missing;; missing = {}) {
      processor::missing_for(record, owner, *store_, missing);
      if (missing.keys.empty() && missing.ranges.empty()) break;
      tables::Pins pins(*store_);
      CHECK(loop_.run([&] { CHECK(store_->prepare(missing, pins)); }));
    }
    changes_.clear();
    lsn_ = lsn_.next();
    CHECK(processor::apply(lsn_, record, owner, *store_, changes_));
    CHECK(changes_.verdict == processor::Verdict::applied);
  }

 private:
  static WallTime at() { return WallTime(std::chrono::hours(1)); }
  static std::string key_of(std::uint64_t n) { return "k" + std::to_string(n % objects); }
  static wire::InvocationId id_of(std::uint64_t n, bool object) {
    const std::uint64_t key =
        object ? wire::keyed_partition_key(key_of(n)) : n * 0x9E3779B97F4A7C15;
    return {.partition_key = key, .uuid = {.high = n, .low = n}};
  }
  template <class Message>
  static wire::Command entry(const wire::InvocationId& id, wire::MessageType type,
                             const Message& message) {
    return {.body = wire::Entry{.id = id, .type = type, .payload = wire::encode(message)}};
  }

  host::ManualLoop loop_;
  Nothing family_;
  std::unique_ptr<tables::Store> store_;
  processor::Changes changes_;
  Lsn lsn_;
  std::uint64_t seq_ = 0;
};

// As the leader applies: its own records, never encoded again.
void applied(benchmark::State& state, bool object) {
  Replica replica;
  std::uint64_t n = 0;
  for (auto _ : state) {
    if (++n % invocations_kept == 0) {
      state.PauseTiming();
      replica.renew();
      state.ResumeTiming();
    }
    replica.apply(replica.begins(n, object));
    replica.apply(replica.ends(n, object));
  }
}
BENCHMARK_CAPTURE(applied, echo, false);
BENCHMARK_CAPTURE(applied, add, true);

// As a start applies: from the bytes of the log.
void replayed(benchmark::State& state, bool object) {
  Replica replica;
  std::vector<std::string> log;
  for (std::uint64_t n = 1; n < invocations_kept; ++n) {
    log.push_back(wire::encode(replica.begins(n, object)));
    log.push_back(wire::encode(replica.ends(n, object)));
  }
  replica.renew();
  std::size_t next = 0;
  for (auto _ : state) {
    if (next == log.size()) {
      state.PauseTiming();
      replica.renew();
      next = 0;
      state.ResumeTiming();
    }
    for (int i = 0; i < 2; ++i) replica.apply(*wire::decode<wire::Record>(log[next++]));
  }
}
BENCHMARK_CAPTURE(replayed, echo, false);
BENCHMARK_CAPTURE(replayed, add, true);

}  // namespace

BENCHMARK_MAIN();
