// tests/io/twins.h
//
// The suites of this folder run on every twin: what one host does and another does not
// is a bug of one of them, or a missing word in engine/io.  A suite is
//
//     class DiskTwins : public OnTwin {};
//     TEST_P(DiskTwins, ReadsWhatItWrote) { run([&] { ... disk().open(...) ... }); }
//     ON_ALL_TWINS(DiskTwins);
//
// and a new host is one more line in all_twins().
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "engine/io/clock.h"
#include "engine/io/disk.h"
#include "engine/io/fibers.h"
#include "engine/io/names.h"
#include "engine/io/objects.h"
#include "engine/io/peers.h"
#include "engine/io/random.h"
#include "engine/io/streams.h"
#include "engine/io/world.h"

namespace perdure::io {

// The world of one shard, on one host, with an empty disk and an empty bucket.  Of the
// World it needs not have http, tables and trace: those have suites of their own.
class Twin {
 public:
  virtual ~Twin() = default;
  virtual Fibers& fibers() = 0;
  virtual Clock& clock() = 0;
  virtual Random& random() = 0;
  virtual Streams& streams() = 0;
  virtual Names& names() = 0;
  virtual Disk& disk() = 0;
  virtual Objects& objects() = 0;
  virtual Peers& peers() = 0;
  // Runs the body in a fiber until it has ended.
  virtual void run(std::move_only_function<void()> body) = 0;
};

struct TwinMaker {
  const char* name;
  std::unique_ptr<Twin> (*make)();
};
inline std::ostream& operator<<(std::ostream& out, const TwinMaker& maker) {
  return out << maker.name;
}
const std::vector<TwinMaker>& all_twins();  // twins_test.cpp

class OnTwin : public testing::TestWithParam<TwinMaker> {
 protected:
  void run(std::move_only_function<void()> body) { twin_->run(std::move(body)); }
  Fibers& fibers() { return twin_->fibers(); }
  Clock& clock() { return twin_->clock(); }
  Random& random() { return twin_->random(); }
  Streams& streams() { return twin_->streams(); }
  Names& names() { return twin_->names(); }
  Disk& disk() { return twin_->disk(); }
  Objects& objects() { return twin_->objects(); }
  Peers& peers() { return twin_->peers(); }
  Instant in(Duration span) { return clock().steady() + span; }
  // For what must not fail, but must not hang a test either.
  Instant soon() { return in(std::chrono::seconds(20)); }

 private:
  std::unique_ptr<Twin> twin_ = GetParam().make();
};

}  // namespace perdure::io

#define ON_ALL_TWINS(Suite)                                              \
  INSTANTIATE_TEST_SUITE_P(Twins, Suite, testing::ValuesIn(all_twins()), \
                           [](const auto& twin) { return std::string(twin.param.name); })
