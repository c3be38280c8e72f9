// What an attempt costs us: the CPU between "run this invocation" and its End proposed
// and told back, with an HTTP that only hands bytes over and a journal in memory.
//
//     echo      one record: Pin, Output, End
//     steps     n runs, each proposed, stored and echoed
//     replay    an attempt with a journal of n finished steps
#include <benchmark/benchmark.h>

#include <deque>
#include <map>
#include <memory>

#include "engine/invoker/invoker.h"
#include "engine/io/trace.h"
#include "host/manual_loop.h"
#include "tests/engine/invoker/schema_of_tests.h"
#include "tests/engine/invoker/words.h"
#include "tests/support/bare_world.h"
#include "tests/support/counting_random.h"

namespace perdure::invoker {
namespace {

class QuietTrace final : public io::Trace {
 public:
  bool wants(io::Level) const override { return false; }
  void event(io::Level, std::string_view, std::initializer_list<io::Field>) override {}
  void count(std::string_view, std::uint64_t) override {}
};

// Answers each piece of the request by the next piece of a script, without fibers.
class ScriptedCall final : public io::HttpCall {
 public:
  ScriptedCall(io::Fibers& fibers, const std::vector<std::string>& script)
      : script_(script), changed_(fibers) {}
  Result<void> write(std::string_view, Instant) override {
    ++allowed_;
    changed_.notify_all();
    return {};
  }
  void finish() override { finished_ = true, changed_.notify_all(); }
  Result<io::Response> response(Instant) override {
    return io::Response{.headers = {{"content-type", "application/vnd.restate.invocation.v6"}}};
  }
  Result<std::string> read(Instant deadline) override {
    while (said_ >= allowed_ || said_ >= script_.size()) {
      if (finished_) return std::string();
      TRY_VOID(changed_.wait(deadline));
    }
    return script_[said_++];
  }

 private:
  const std::vector<std::string>& script_;
  io::Event changed_;
  std::size_t said_ = 0, allowed_ = 0;
  bool finished_ = false;
};

class ScriptedHttp final : public io::Http {
 public:
  explicit ScriptedHttp(io::Fibers& fibers) : fibers_(fibers) {}
  std::vector<std::string> script;
  Result<std::unique_ptr<io::HttpServer>> serve(std::string_view, io::HttpLimits, Serve) override {
    return fail(Code::invalid, "not here");
  }
  Result<std::unique_ptr<io::HttpCall>> call(const io::HttpTarget&, io::Request, Instant) override {
    std::unique_ptr<io::HttpCall> made = std::make_unique<ScriptedCall>(fibers_, script);
    return made;
  }

 private:
  io::Fibers& fibers_;
};

// Everybody has the same journal; what is proposed is told back in the next turn.
class MemoryJournal final : public Journal {
 public:
  Replay journal;
  Invoker* invoker = nullptr;
  std::uint64_t ended = 0;

  Result<Replay> read(const wire::InvocationId&, std::uint64_t) override { return journal; }
  Result<void> propose(const wire::InvocationId& id,
                       std::vector<wire::Command>&& commands) override {
    proposed_.push_back({id, std::move(commands)});
    return {};
  }
  bool apply() {
    if (proposed_.empty()) return false;
    const Proposed next = std::move(proposed_.front());
    proposed_.pop_front();
    std::uint32_t& entries = entries_.try_emplace(next.id, journal.entries).first->second;
    std::string frames;
    const std::uint32_t first = entries;
    bool ends = false;
    for (const wire::Command& command : next.commands) {
      if (const auto* entry = std::get_if<wire::Entry>(&command.body)) {
        wire::put_frame(frames, entry->type, entry->payload);
        ++entries;
      } else if (const auto* run = std::get_if<wire::CompleteRun>(&command.body)) {
        wire::put_message(frames, wire::MessageType::run_completion,
                          wire::Notification::of_completion(run->completion_id,
                                                            std::get<wire::Value>(run->result)));
        ++entries;
      }
      ends = ends || std::holds_alternative<wire::End>(command.body);
    }
    if (!frames.empty()) invoker->stored(next.id, first, frames);
    if (ends) invoker->stop(next.id), entries_.erase(next.id), ++ended;
    invoker->applied(next.id);
    return true;
  }

 private:
  struct Proposed {
    wire::InvocationId id;
    std::vector<wire::Command> commands;
  };
  std::deque<Proposed> proposed_;
  std::map<wire::InvocationId, std::uint32_t> entries_;
};

class OneSchema final : public Schemas {
 public:
  const wire::Schema& current() override { return schema_; }

 private:
  wire::Schema schema_ = tests::schema();
};

struct Rig {
  Rig() {
    journal.invoker = &invoker;
    journal.journal.target = tests::target_of_type("service");
    journal.journal.frames = tests::frame_of("input:" + std::string(64, 'x'), 6);
    journal.journal.entries = 1;
  }
  ~Rig() {
    loop.run([this] { invoker.shut_down(); });
  }

  // `at_once` invocations in flight, until `count` have ended.
  void run(std::uint64_t count, std::uint64_t at_once) {
    const std::uint64_t end = journal.ended + count;
    std::uint64_t begun = journal.ended;
    while (journal.ended < end) {
      for (; begun < end && begun - journal.ended < at_once; ++begun) {
        invoker.start(PartitionId(0),
                      {.partition_key = begun * 7919, .uuid = {.high = 1, .low = begun}});
      }
      loop.scheduler.run_ready();
      while (journal.apply()) {
      }
    }
    loop.scheduler.run_ready();
  }

  host::ManualLoop loop;
  QuietTrace trace;
  tests::CountingRandom random;
  ScriptedHttp http{loop.fibers};
  tests::BareWorld bare{
      {.clock = loop.clock, .fibers = loop.fibers, .http = http, .random = random, .trace = trace}};
  MemoryJournal journal;
  OneSchema schemas;
  Invoker invoker{bare.world, {}, journal, schemas};
};

void Echo(benchmark::State& state) {
  Rig rig;
  rig.http.script = {tests::frame_of("output:" + std::string(64, 'y'), 6) +
                     tests::frame_of("end", 6)};
  const auto at_once = static_cast<std::uint64_t>(state.range(0));
  for (auto _ : state) rig.run(1000, at_once);
  state.SetItemsProcessed(state.iterations() * 1000);
}
BENCHMARK(Echo)->Arg(1)->Arg(256);

void Steps(benchmark::State& state) {
  Rig rig;
  for (int i = 1; i <= state.range(0); ++i) {
    const std::string n = std::to_string(i);
    rig.http.script.push_back(tests::frame_of("run:" + n, 6) +
                              tests::frame_of("ran:" + n + "~result of the step", 6));
  }
  rig.http.script.push_back(tests::frame_of("output:y", 6) + tests::frame_of("end", 6));
  for (auto _ : state) rig.run(100, 64);
  state.SetItemsProcessed(state.iterations() * 100);
}
BENCHMARK(Steps)->Arg(3)->Arg(100);

void ReplayOf(benchmark::State& state) {
  Rig rig;
  for (int i = 1; i <= state.range(0); ++i) {
    const std::string n = std::to_string(i);
    rig.journal.journal.frames += tests::frame_of("run:" + n, 6);
    rig.journal.journal.frames += tests::frame_of("done:run:" + n + "~result of the step", 6);
    rig.journal.journal.entries += 2;
  }
  rig.http.script = {tests::frame_of("output:y", 6) + tests::frame_of("end", 6)};
  for (auto _ : state) rig.run(100, 64);
  state.SetItemsProcessed(state.iterations() * 100);
}
BENCHMARK(ReplayOf)->Arg(10)->Arg(1000);

}  // namespace
}  // namespace perdure::invoker

BENCHMARK_MAIN();
