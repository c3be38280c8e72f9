// What fibers cost: a switch there and back, a life, a wake, a wait with a deadline.
#include <benchmark/benchmark.h>

#include "host/manual_loop.h"

namespace perdure::host {
namespace {

void switch_there_and_back(benchmark::State& state) {
  ManualLoop loop;
  bool more = true;
  loop.scheduler.spawn_root("yields", [&] {
    while (more) loop.fibers.yield();
  });
  for (auto _ : state) loop.scheduler.run_ready();
  more = false;
  loop.run_until_idle();
}
BENCHMARK(switch_there_and_back);

void life(benchmark::State& state) {
  ManualLoop loop;
  io::Group group(loop.fibers);
  int ended = 0;
  for (auto _ : state) {
    group.start("short", [&ended] { ++ended; });
    loop.scheduler.run_ready();
  }
}
BENCHMARK(life);

void event_to_and_fro(benchmark::State& state) {
  ManualLoop loop;
  io::Event event(loop.fibers);
  loop.scheduler.spawn_root("waits", [&] {
    while (true) (void)event.wait();
  });
  loop.scheduler.run_ready();
  for (auto _ : state) {
    event.notify_one();
    loop.scheduler.run_ready();
  }
}
BENCHMARK(event_to_and_fro);

void event_with_a_deadline(benchmark::State& state) {
  ManualLoop loop;
  io::Event event(loop.fibers);
  loop.scheduler.spawn_root("waits", [&] {
    while (true) (void)event.wait(loop.in(std::chrono::seconds(30)));
  });
  loop.scheduler.run_ready();
  for (auto _ : state) {
    event.notify_one();
    loop.scheduler.run_ready();
  }
}
BENCHMARK(event_with_a_deadline);

// Round robin over many, so that each switch touches a cold stack.
void yield_among_many(benchmark::State& state) {
  ManualLoop loop;
  bool more = true;
  for (int i = 0; i < state.range(0); ++i) {
    loop.scheduler.spawn_root("yields", [&] {
      while (more) loop.fibers.yield();
    });
  }
  for (auto _ : state) loop.scheduler.run_ready();
  state.SetItemsProcessed(state.iterations() * state.range(0));
  more = false;
  loop.run_until_idle();
}
BENCHMARK(yield_among_many)->Arg(100)->Arg(2000);

}  // namespace
}  // namespace perdure::host

BENCHMARK_MAIN();
