// From a loop to a thread of a pool and back, which every commit pays; to a neighbouring
// loop and back, which a call to another shard pays; a round trip over the loopback; and
// a write with a sync to the disk of the temporary folder (set TMPDIR to choose it).
#include <benchmark/benchmark.h>

#include <thread>

#include "engine/base/bytes.h"
#include "net/disk/disk.h"
#include "net/loop/offload.h"
#include "net/sockets/names.h"
#include "net/sockets/sockets.h"
#include "tests/net/run_on_loop.h"
#include "tests/net/temporary_folder.h"

namespace perdure::net {
namespace {

void pool_and_back(benchmark::State& state) {
  Loop loop;
  Pool pool("bench", 1);
  Offload offload(loop, pool);
  run_on(loop, [&] {
    for (auto _ : state) offload.run([] {});
  });
  pool.stop();
}
BENCHMARK(pool_and_back)->UseRealTime();

void neighbour_and_back(benchmark::State& state) {
  Loop here, there;
  std::thread neighbour([&] { there.run(); });
  run_on(here, [&] {
    io::Event answered(here.scheduler);
    for (auto _ : state) {
      there.post([&] { here.post([&] { answered.notify_all(); }); });
      (void)answered.wait();
    }
  });
  there.stop();
  neighbour.join();
}
BENCHMARK(neighbour_and_back)->UseRealTime();

void write_and_sync(benchmark::State& state) {
  const TemporaryFolder folder;
  Loop loop;
  Pool pool("bench", 1);
  Offload offload(loop, pool);
  FolderDisk disk(folder.path(), offload, offload);
  run_on(loop, [&] {
    auto file = disk.open("log", io::Open::create);
    const std::string zeros(16 << 20, '\0'), bytes(static_cast<std::size_t>(state.range(0)), 'x');
    const bool prepared = (*file)->write_and_sync(0, as_bytes(zeros)).has_value();
    if (!prepared) return state.SkipWithError("no disk");
    std::uint64_t at = 0;
    for (auto _ : state) {
      if (!(*file)->write_and_sync(at, as_bytes(bytes))) state.SkipWithError("the disk failed");
      at = (at + bytes.size()) % (8 << 20);
    }
  });
  pool.stop();
}
BENCHMARK(write_and_sync)->Arg(4096)->Arg(65536)->UseRealTime();

// One connection, both ends on one loop.
void loopback_and_back(benchmark::State& state) {
  Loop loop;
  Pool pool("bench", 1);
  Offload offload(loop, pool);
  SystemNames names(offload);
  Ports ports;
  SocketStreams streams(loop, names, ports);
  run_on(loop, [&] {
    auto listener = streams.listen("127.0.0.1:0");
    auto caller = streams.connect((*listener)->address(), io::never);
    auto served = (*listener)->accept(io::never);
    io::Group group(loop.scheduler);
    group.start("echoes", [&] {
      std::array<std::byte, 64> into;
      while ((*served)->read(into, io::never).value_or(0) > 0) {
        (void)(*served)->write(into, io::never);
      }
    });
    std::array<std::byte, 64> bytes = {};
    for (auto _ : state) {
      (void)(*caller)->write(bytes, io::never);
      (void)(*caller)->read(bytes, io::never);
    }
    (*caller)->finish();
    group.join();
  });
  pool.stop();
}
BENCHMARK(loopback_and_back)->UseRealTime();

}  // namespace
}  // namespace perdure::net

BENCHMARK_MAIN();
