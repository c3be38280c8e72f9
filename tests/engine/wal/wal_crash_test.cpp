// The Wal against a disk that loses power at any effect, with torn and lost sectors: what
// was told durable is there, nothing else ever surfaces, again and again.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/engine/wal/wal_node.h"

namespace perdure::wal {
namespace {

using std::chrono::microseconds;

constexpr std::uint64_t loglets = 4;

// What one loglet was given, and what of it was promised.
struct Model {
  std::vector<std::string> appended;  // [0] is offset 1
  Offset durable;
  Offset trim_asked, trim_durable;
  bool seal_asked = false, seal_durable = false;
  bool dropped = false;
};

class Story {
 public:
  explicit Story(std::uint64_t seed) : node_(seed, drawn_options(seed)), random_(seed) {}

  void run(int lives) {
    for (int life = 0; life < lives && !testing::Test::HasFailure(); ++life) {
      const bool dies_while_opening = below(5) == 0;
      if (dies_while_opening) {
        node_.disk.crash_at(1 + below(25));
        (void)node_.try_start();
        die();
      }
      node_.start();
      if (testing::Test::HasFatalFailure()) return;
      compare();
      node_.disk.crash_at(1 + below(400));
      live();
      die();
    }
  }

 private:
  static Options drawn_options(std::uint64_t seed) {
    Options options = tiny_options();
    std::mt19937_64 random(seed * 77);
    options.segment_bytes = 8 << 10 << random() % 3;
    options.batch_bytes_max = 1 << 10 << random() % 4;
    options.memory_bytes = 4 << 10 << random() % 4;
    options.read_window_bytes = 512u << random() % 4;
    return options;
  }
  std::uint64_t below(std::uint64_t n) { return random_() % n; }

  // One process, until the disk takes it or its work is done.
  void live() {
    class Ears final : public Listener {
     public:
      explicit Ears(std::map<LogletId, Model>& models) : models_(models) {}
      void durable(LogletId loglet, Offset last) override { models_[loglet].durable = last; }
      void failed(const Error&) override {}

     private:
      std::map<LogletId, Model>& models_;
    } ears(models_);
    for (std::uint64_t id = 1; id <= loglets; ++id) node_.wal->listen(LogletId(id), ears);
    (void)node_.run([&] {
      for (int i = 0; i < 300; ++i) {
        step();
        if (below(3) == 0) pause(below(300));
        if (below(10) == 0) check_reads();
      }
    });
    node_.wal->check_invariants();
  }

  void pause(std::uint64_t us) {
    (void)node_.loop->fibers.sleep_until(node_.loop->in(microseconds(us)));
  }

  void step() {
    const LogletId id(1 + below(loglets));
    Model& model = models_[id];
    switch (below(24)) {
      case 0:
      case 1: {
        if (model.durable <= model.trim_asked) return;
        const Offset to = model.trim_asked + (1 + below(model.durable - model.trim_asked));
        if (const auto at = node_.wal->trim(id, to)) {
          model.trim_asked = to;
          points_.push_back({.at = *at, .loglet = id, .trim = to, .seal = false});
        }
        return;
      }
      case 2: {
        const auto at =
            below(8) == 0 ? node_.wal->seal(id) : Result<Position>(fail(Code::failed, ""));
        if (at) {
          model.seal_asked = true;
          points_.push_back({.at = *at, .loglet = id, .trim = {}, .seal = true});
        }
        return;
      }
      default: append(id, model);
    }
    note_points();
  }

  void append(LogletId id, Model& model) {
    const std::uint64_t size = draw_size();
    std::string bytes = std::to_string(id.raw()) + ":" + std::to_string(model.appended.size() + 1) +
                        ":" + std::to_string(++appends_) + ":";
    while (bytes.size() < size) bytes.push_back(static_cast<char>(random_()));
    const Offset offset(model.appended.size() + 1);
    const auto at = node_.wal->append({.loglet = id, .offset = offset, .bytes = bytes});
    if (at) {
      model.appended.push_back(std::move(bytes));
    } else {
      ASSERT_TRUE(at.error().code == Code::retry_later || at.error().code == Code::full ||
                  at.error().code == Code::failed)
          << at.error().detail;
      pause(2000);
    }
  }

  // Often one sector to the byte: then what a torn batch leaves fits exactly behind what
  // the next one writes, which is how an old frame would surface.
  std::uint64_t draw_size() {
    constexpr std::uint64_t whole_sector = sector_bytes - header_bytes;
    switch (below(10)) {
      case 0: return below(4000);
      case 1:
      case 2:
      case 3: return below(300);
      default: return whole_sector;
    }
  }

  void note_points() {
    for (const Point& point : points_) {
      if (point.at >= node_.wal->durable()) continue;
      Model& model = models_[point.loglet];
      model.trim_durable = std::max(model.trim_durable, point.trim);
      model.seal_durable = model.seal_durable || point.seal;
    }
    std::erase_if(points_, [&](const Point& p) { return p.at < node_.wal->durable(); });
  }

  void check_reads() {
    const LogletId id(1 + below(loglets));
    Model& model = models_[id];
    if (model.durable <= model.trim_asked) return;
    const Offset from = model.trim_asked + (1 + below(model.durable - model.trim_asked));
    const auto records = node_.wal->read(id, from, model.durable, 1 + below(3000));
    if (!records) {
      // Only a trim that came while we parked may take it.
      ASSERT_EQ(records.error().code, Code::not_found) << records.error().detail;
      ASSERT_LE(from, models_[id].trim_asked);
      return;
    }
    for (const Record& record : *records) {
      ASSERT_EQ(record.bytes, model.appended[record.offset.raw() - 1]);
    }
  }

  void die() {
    if (node_.wal != nullptr) note_points();
    points_.clear();
    if (below(3) == 0) {
      node_.kill();
    } else {
      node_.lose_power();
    }
  }

  // What came back, against what was promised.
  void compare() {
    node_.wal->check_invariants();
    for (auto& [id, model] : models_) {
      const LogletState found = node_.wal->find(id).value_or(LogletState{.loglet = id});
      ASSERT_GE(found.last, model.durable) << "an acknowledged record is gone";
      ASSERT_LE(found.last, Offset(model.appended.size())) << "a record came from nowhere";
      ASSERT_GE(found.trim_point, model.trim_durable);
      ASSERT_LE(found.trim_point, model.trim_asked);
      ASSERT_TRUE(found.sealed || !model.seal_durable);
      ASSERT_TRUE(!found.sealed || model.seal_asked);
      ASSERT_EQ(node_.wal->missing(id), 0u);
      model.appended.resize(found.last.raw());
      model.durable = found.last;
      model.trim_asked = model.trim_durable = found.trim_point;
      model.seal_asked = model.seal_durable = found.sealed;
      ASSERT_TRUE(node_.run([&, &was = model] { check_all(id, was); }));
    }
  }

  void check_all(LogletId id, const Model& model) {
    for (Offset at = model.trim_asked.next(); at <= model.durable;) {
      const auto records = node_.wal->read(id, at, model.durable, 2000);
      ASSERT_TRUE(records) << records.error().detail;
      for (const Record& record : *records) {
        ASSERT_EQ(record.offset, at);
        ASSERT_EQ(record.bytes, model.appended[at.raw() - 1]);
        at = at.next();
      }
    }
  }

  struct Point {
    Position at;
    LogletId loglet;
    Offset trim;
    bool seal = false;
  };

  WalNode node_;
  std::mt19937_64 random_;
  std::map<LogletId, Model> models_;
  std::vector<Point> points_;
  std::uint64_t appends_ = 0;
};

class WalCrash : public testing::TestWithParam<std::uint64_t> {};

TEST_P(WalCrash, WhatWasToldDurableIsReadBackAndNothingElse) {
  for (std::uint64_t seed = GetParam() * 20; seed < GetParam() * 20 + 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Story(seed).run(8);
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, WalCrash, testing::Range<std::uint64_t>(1, 13));

// The same bytes, recovered twice, give the same; and recovery changes nothing that a
// third one would see differently.
TEST(WalRecovery, IsIdempotent) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    WalNode node(seed);
    node.start();
    node.disk.crash_at(30 + seed * 3);
    (void)node.run([&] {
      std::mt19937_64 random(seed);
      for (std::uint64_t n = 1; n <= 200; ++n) {
        (void)node.append(1 + n % 3, (n + 2) / 3, std::string(random() % 400, 'x'));
        if (n % 4 == 0) (void)node.loop->fibers.sleep_until(node.loop->in(microseconds(200)));
      }
    });
    node.lose_power();
    node.start();
    const auto once = node.wal->loglets();
    const Position head = node.wal->head();
    node.kill();
    node.start();
    EXPECT_EQ(node.wal->loglets(), once) << seed;
    EXPECT_EQ(node.wal->head(), head) << seed;
    node.lose_power();
    node.start();
    EXPECT_EQ(node.wal->loglets(), once) << seed;
    EXPECT_EQ(node.wal->head(), head) << seed;
  }
}

}  // namespace
}  // namespace perdure::wal
