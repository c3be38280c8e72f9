// Rehearsals of handlers that keep their promise, and of two that do not.
#include "sim/rehearsal/rehearsal.h"

#include <gtest/gtest.h>

#include "sim/rehearsal/features.h"

namespace perdure::sim {
namespace {

// Counts what it is told to, and every client counts along.
class Counting : public Rehearsal {
 public:
  std::vector<sdk::Service> services() override {
    return {sdk::object("Counter")
                .exclusive("add", [this](sdk::ObjectContext& ctx) { return add(ctx); })
                .shared("get", [](sdk::SharedObjectContext& ctx) {
                  return ctx.get<int>("count").value_or(0);
                })};
  }
  void client(Client& client, std::uint32_t) override {
    for (int i = 0; i < 8; ++i) {
      if (client.call("Counter/one/add").ok()) ++answered_;
      client.sleep(std::chrono::milliseconds(client.below(2000)));
    }
  }
  void judge(Client& client) override {
    const std::string count = client.read("Counter/one/get").body;
    if (count != std::to_string(answered_)) {
      client.report("counts-once", "one", count + ", not " + std::to_string(answered_));
    }
  }

 protected:
  virtual int add(sdk::ObjectContext& ctx) {
    const int count = ctx.get<int>("count").value_or(0) + 1;
    ctx.set("count", count);
    ctx.sleep(std::chrono::milliseconds(50));
    return count;
  }
  int memory_ = 0;  // of the process that serves, not of the server

 private:
  int answered_ = 0;
};

// Does it once for every attempt.
class CountingInMemory final : public Counting {
  int add(sdk::ObjectContext& ctx) override {
    const int count = ++memory_;
    ctx.run("count", [] {});
    ctx.set("count", ctx.run("read", [count] { return count; }));
    ctx.sleep(std::chrono::seconds(3));
    return count;
  }
};

// Gives other commands in a later attempt.
class Wavering final : public Counting {
  int add(sdk::ObjectContext& ctx) override {
    if (++memory_ % 2 == 0) ctx.run("only now and then", [] {});
    ctx.sleep(std::chrono::seconds(3));
    return 1;
  }
};

// What is found first, in some seeds; "" when nothing is.
template <class R>
std::string found_by(std::uint64_t seeds) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    R made;
    const Verdict verdict = rehearse(made, {.seed = seed});
    if (verdict.finding) return verdict.finding->check;
  }
  return "";
}

TEST(Rehearsal, OfGoodHandlersPasses) { EXPECT_EQ(found_by<Counting>(5), ""); }
TEST(Rehearsal, OfAForgetfulHandlerFails) {
  EXPECT_EQ(found_by<CountingInMemory>(10), "counts-once");
}
TEST(Rehearsal, OfAWaveringHandlerFails) { EXPECT_EQ(found_by<Wavering>(10), "journal-mismatch"); }

TEST(Rehearsal, OfAllThatHandlersCanDoPasses) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const Verdict verdict = handler_features({.seed = seed});
    EXPECT_TRUE(verdict.passed()) << seed << ": " << verdict.finding->check << " "
                                  << verdict.finding->detail;
  }
}

TEST(Rehearsal, IsItsSeed) {
  const auto run = [] {
    Counting made;
    return rehearse(made, {.seed = 7}).digest;
  };
  EXPECT_EQ(run(), run());
}

}  // namespace
}  // namespace perdure::sim
