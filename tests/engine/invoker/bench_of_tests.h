// tests/engine/invoker/bench_of_tests.h
//
// An Invoker with everything around it pretended, under a clock that jumps.
#pragma once

#include <memory>

#include "engine/invoker/invoker.h"
#include "host/manual_loop.h"
#include "tests/engine/invoker/fake_http.h"
#include "tests/engine/invoker/fake_journal.h"
#include "tests/support/bare_world.h"
#include "tests/support/counting_random.h"
#include "tests/support/silent_trace.h"

namespace tests {

using namespace std::chrono_literals;

struct Bench {
  explicit Bench(perdure::invoker::Options options = {})
      : invoker(bare.world, std::move(options), journal, schemas) {
    journal.invoker = &invoker;
  }
  ~Bench() {
    loop.run([this] {
      invoker.shut_down();
      journal.stop();
      http.stop();
    });
  }

  FakeJournal::Row& begin(std::string_view type = "service", wire::InvocationId id = caller_id()) {
    FakeJournal::Row& row = journal.add(id, target_of_type(std::string(type)));
    invoker.start(PartitionId(0), id);
    return row;
  }
  void handler(FakeHttp::Handler with) { http.handler = std::move(with); }
  // The attempt'th call that went out, from 1 on.
  Served& call(std::size_t attempt) { return *http.calls.at(attempt - 1); }
  perdure::invoker::InvocationState state(wire::InvocationId id = caller_id()) {
    return invoker.find(id).value_or(perdure::invoker::InvocationState());
  }
  bool forgotten(wire::InvocationId id = caller_id()) const { return !invoker.find(id); }

  perdure::host::ManualLoop loop;
  SilentTrace trace;
  CountingRandom random;
  FakeHttp http{loop.fibers};
  BareWorld bare{
      {.clock = loop.clock, .fibers = loop.fibers, .http = http, .random = random, .trace = trace}};
  FakeJournal journal{loop.fibers};
  FakeSchemas schemas;
  perdure::invoker::Invoker invoker;
};

}  // namespace tests
