// What the ingress itself costs: from a parsed request to a record for the partition, and
// from the answer back to a response.  Without HTTP, log and handler.
#include <benchmark/benchmark.h>

#include "tests/engine/ingress/pretence.h"

namespace {

using namespace perdure;

// Answers without decoding the record.
class InstantPartitions : public ingress::Partitions {
 public:
  Result<ingress::Admitted> submit(const ingress::Submission& submission, Instant) override {
    benchmark::DoNotOptimize(submission.record.data());
    return ingress::Admitted{.fresh = true,
                             .answer = ingress::Answer{.outcome = wire::Value{.content = "\"hello\""}}};
  }
  Result<ingress::Answer> await(const wire::InvocationId&, Instant) override { UNREACHABLE(); }
  Result<ingress::Answer> output(const wire::InvocationId&, Instant) override { UNREACHABLE(); }
};

void plain_call(benchmark::State& state, const char* target) {
  tests::Bench bench;
  InstantPartitions partitions;
  ingress::Ingress served({bench.loop.clock, bench.loop.fibers, bench.random, bench.trace, partitions, bench.schemas},
                          {});
  const io::Request request{.method = "POST",
                            .target = target,
                            .authority = "localhost:8080",
                            .headers = {{"content-type", "application/json"},
                                        {"content-length", "3"},
                                        {"accept", "*/*"},
                                        {"user-agent", "curl/8.5.0"}}};
  bench.loop.run([&] {
    for (auto _ : state) {
      tests::PretendExchange exchange(request, {std::string("\"x\"")});
      served.serve(exchange);
      benchmark::DoNotOptimize(exchange.body.data());
    }
  });
}

BENCHMARK_CAPTURE(plain_call, service, "/G/echo");
BENCHMARK_CAPTURE(plain_call, object, "/O/key/echo");
BENCHMARK_CAPTURE(plain_call, send, "/G/echo/send");

}  // namespace

BENCHMARK_MAIN();
