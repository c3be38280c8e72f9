#include "engine/tables/store.h"

#include <gtest/gtest.h>

#include <map>

#include "engine/tables/scan.h"
#include "host/manual_loop.h"
#include "tests/engine/tables/test_family.h"

namespace perdure::tables {
namespace {

using tests::TestFamily;

// Runs a test in a fiber, over a family with one row in it.
class StoreTest : public testing::Test {
 protected:
  StoreTest() { family.rows = {{"old", "of the base"}}; }
  void run(std::move_only_function<void()> body) { ASSERT_TRUE(loop.run(std::move(body))); }
  void checkpoint(Store& store) {
    store.freeze();
    ASSERT_TRUE(store.write_frozen());
  }
  void announce(Store& store, Pins& pins, Reads reads) {
    ASSERT_TRUE(store.prepare(reads, pins));
    ASSERT_TRUE(store.ready(reads));
  }

  host::ManualLoop loop;
  TestFamily family{loop.fibers};
};

TEST_F(StoreTest, ReadsWhatWasAnnounced) {
  run([&] {
    Store store(loop.fibers, family);
    EXPECT_FALSE(store.ready({.keys = {"old"}, .ranges = {}}));
    Pins pins(store);
    announce(store, pins, {.keys = {"old", "none"}, .ranges = {}});
    ASSERT_TRUE(store.get("old"));
    EXPECT_EQ(*store.get("old"), "of the base");
    EXPECT_FALSE(store.get("none"));
  });
}

using StoreDeathTest = StoreTest;

TEST_F(StoreDeathTest, AnUnannouncedReadIsOurMistake) {
  run([&] {
    Store store(loop.fibers, family);
    EXPECT_DEATH(store.get("old"), "the_read_was_announced");
    EXPECT_DEATH(store.edit("old"), "the_read_was_announced");
    EXPECT_DEATH(store.visit("a", "z", [](auto, auto&) { return true; }),
                 "the_range_was_announced");
    {
      Pins pins(store);
      announce(store, pins, {.keys = {"old"}, .ranges = {}});
      EXPECT_TRUE(store.get("old"));
    }
    EXPECT_DEATH(store.get("old"), "the_read_was_announced");
  });
}

// A row that a layer answered when it was announced must still be there when that
// layer has gone down, and nothing holds it any more but the pin.
TEST_F(StoreTest, APinOutlivesTheLayerThatAnsweredIt) {
  run([&] {
    Store store(loop.fibers, family);
    store.put("new", "1");
    store.put("gone", "x");
    store.freeze();
    store.erase("gone");
    Pins pins(store);
    announce(store, pins, {.keys = {"new", "gone"}, .ranges = {}});
    ASSERT_TRUE(store.write_frozen());
    checkpoint(store);
    checkpoint(store);
    ASSERT_TRUE(store.get("new"));
    EXPECT_EQ(*store.get("new"), "1");
    EXPECT_FALSE(store.get("gone"));
  });
}

TEST_F(StoreTest, APinnedRangeKnowsItsGaps) {
  run([&] {
    Store store(loop.fibers, family);
    Pins pins(store);
    announce(store, pins, {.keys = {}, .ranges = {{"a", "z"}}});
    store.put("b", "2");
    store.put("q", "9");
    store.erase("old");
    checkpoint(store);
    store.erase("q");
    checkpoint(store);
    std::string seen;
    store.visit("a", "z", [&](std::string_view key, const std::string& value) {
      seen += std::string(key) + "=" + value + " ";
      return true;
    });
    EXPECT_EQ(seen, "b=2 ");
    EXPECT_FALSE(store.get("old"));
    EXPECT_EQ(family.rows.size(), 1u);
  });
}

TEST_F(StoreTest, WhatIsBornAndDiesBetweenCheckpointsIsNotWritten) {
  run([&] {
    Store store(loop.fibers, family);
    Pins pins(store);
    announce(store, pins, {.keys = {"short"}, .ranges = {}});
    EXPECT_FALSE(store.get("short"));
    store.put("short", "life");
    store.erase("short");
    EXPECT_FALSE(store.get("short"));
    EXPECT_FALSE(store.dirty());
    checkpoint(store);
    EXPECT_EQ(family.ingests, 0);
    store.erase("old");  // who knows what lies below
    EXPECT_TRUE(store.dirty());
    checkpoint(store);
    EXPECT_EQ(family.tombstones, 1u);
    EXPECT_TRUE(family.rows.empty());
  });
}

TEST_F(StoreTest, AnEditedRowGrowsInPlaceAndIsCounted) {
  run([&] {
    Store store(loop.fibers, family);
    Pins pins(store);
    announce(store, pins, {.keys = {"old", "fresh"}, .ranges = {}});
    const std::size_t before = store.bytes();
    store.edit("old") += ", and more";
    EXPECT_EQ(*store.get("old"), "of the base, and more");
    std::string& fresh = store.edit("fresh");
    EXPECT_TRUE(fresh.empty());
    fresh.append(100'000, 'x');
    EXPECT_GT(store.bytes(), before + 100'000);
    store.put("other", "");
    store.check_invariants();
    checkpoint(store);
    EXPECT_EQ(family.rows["old"], "of the base, and more");
    EXPECT_EQ(store.bytes(), 0u);
    store.edit("old") += "!";  // from the pin
    checkpoint(store);
    EXPECT_EQ(family.rows["old"], "of the base, and more!");
  });
}

TEST_F(StoreTest, ARangeIsErasedWhateverLiesBelow) {
  run([&] {
    for (int i = 0; i < 1000; ++i) family.rows["bucket/" + std::to_string(i)] = "x";
    Store store(loop.fibers, family);
    store.put("bucket/7", "again");
    const KeyRange bucket = range_of_prefix("bucket/");
    store.erase_range(bucket.from, bucket.to);
    EXPECT_FALSE(store.get("bucket/7"));
    EXPECT_FALSE(store.get("bucket/8"));
    store.put("bucket/9", "later");
    EXPECT_LT(store.bytes(), 1000u);
    int rows = 0;
    store.visit(bucket.from, bucket.to, [&](auto, auto&) { return ++rows > 0; });
    EXPECT_EQ(rows, 1);
    checkpoint(store);
    EXPECT_EQ(family.rows.size(), 2u);
    EXPECT_EQ(family.tombstones, 0u);
  });
}

TEST_F(StoreTest, AFailedCheckpointStaysFrozenAndIsRepeated) {
  run([&] {
    for (const auto fate : {TestFamily::Fate::fails_before, TestFamily::Fate::fails_after}) {
      Store store(loop.fibers, family);
      store.put("a", "1");
      store.freeze();
      store.put("b", "2");
      family.next_ingest = fate;
      EXPECT_FALSE(store.write_frozen());
      EXPECT_TRUE(store.frozen());
      EXPECT_EQ(*store.get("a"), "1");
      EXPECT_TRUE(store.write_frozen());
      EXPECT_FALSE(store.frozen());
      EXPECT_EQ(family.rows["a"], "1");
      EXPECT_FALSE(family.rows.contains("b"));
    }
  });
}

TEST_F(StoreTest, TheDigestIsOfTheContentNotOfItsHistory) {
  run([&] {
    TestFamily second(loop.fibers);
    Store one(loop.fibers, family), two(loop.fibers, second);
    one.put("a", "1");
    checkpoint(one);
    one.erase("a");
    one.put("b", "2");
    two.put("b", "2");
    two.put("old", "of the base");
    EXPECT_EQ(*one.digest(), *two.digest());
    two.put("b", "3");
    EXPECT_NE(*one.digest(), *two.digest());
  });
}

TEST_F(StoreTest, AScanThatIsRewrittenFasterThanItReadsGivesUp) {
  run([&] {
    Store store(loop.fibers, family);
    Pins pins(store);
    announce(store, pins, {.keys = {}, .ranges = {{"", "z"}}});
    for (int i = 0; i < 80; ++i) store.put("row" + std::to_string(i), std::string(1 << 20, 'x'));
    auto scan = store.scan("", key_end);
    ASSERT_TRUE(scan);
    ASSERT_TRUE((*scan)->next(1));
    for (int i = 0; i < 80; ++i) store.edit("row" + std::to_string(i)) = "small";
    const auto rows = (*scan)->next(1 << 20);
    ASSERT_FALSE(rows);
    EXPECT_EQ(rows.error().code, Code::retry_later);
  });
}

}  // namespace
}  // namespace perdure::tables
