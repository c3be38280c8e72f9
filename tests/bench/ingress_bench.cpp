// What a request costs the ingress, without a network and without a partition: its path
// and schema looked up, its invocation named, the record of it encoded, its answer made.
// And the first of these alone.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>

#include "engine/base/check.h"
#include "engine/ingress/ingress.h"
#include "engine/ingress/route.h"
#include "tests/engine/ingress/pretence.h"

namespace perdure::ingress {
namespace {

// Says at once that it is done, and keeps nothing.
class NoPartitions final : public Partitions {
 public:
  Result<Admitted> submit(const Submission& submission, Instant) override {
    bytes += static_cast<std::int64_t>(submission.record.size());
    return Admitted{.answer = Answer{.outcome = wire::Value{"\"hello\""}}};
  }
  Result<Answer> await(const wire::InvocationId&, Instant) override { UNREACHABLE(); }
  Result<Answer> output(const wire::InvocationId&, Instant) override { UNREACHABLE(); }
  std::int64_t bytes = 0;  // of records
};

void serve(benchmark::State& state, const std::string& target, io::Headers more = {}) {
  host::ManualLoop loop;
  tests::CountingRandom random;
  tests::SilentTrace trace;
  NoPartitions partitions;
  tests::PretendSchemas schemas;
  Ingress ingress({loop.clock, loop.fibers, random, trace, partitions, schemas}, {});
  io::Headers headers = {{"content-type", "application/json"}, {"user-agent", "bench/1"}};
  headers.insert(headers.end(), more.begin(), more.end());
  const io::Request request = {
      .method = "POST", .target = target, .authority = "localhost:8080", .headers = headers};
  const std::string body = '"' + std::string(62, 'x') + '"';
  const bool ended = loop.run([&] {
    for (auto _ : state) {
      tests::PretendExchange exchange(request, {body});
      ingress.serve(exchange);
      CHECK(exchange.reply.status < 300);
    }
  });
  CHECK(ended);
  state.SetItemsProcessed(state.iterations());
  state.counters["record_bytes"] =
      static_cast<double>(partitions.bytes) / static_cast<double>(state.iterations());
}
void call_of_a_service(benchmark::State& state) { serve(state, "/G/echo"); }
BENCHMARK(call_of_a_service);
void call_of_an_object(benchmark::State& state) { serve(state, "/O/some%20key/echo"); }
BENCHMARK(call_of_an_object);
void call_with_an_idempotency_key(benchmark::State& state) {
  serve(state, "/G/echo", {{"idempotency-key", "1234"}});
}
BENCHMARK(call_with_an_idempotency_key);
void send(benchmark::State& state) { serve(state, "/G/echo/send"); }
BENCHMARK(send);

void route_alone(benchmark::State& state) {
  const wire::Schema schema = tests::schema_of_tests();
  for (auto _ : state) benchmark::DoNotOptimize(route_of("POST", "/O/some%20key/echo", schema));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(route_alone);

}  // namespace
}  // namespace perdure::ingress

BENCHMARK_MAIN();
