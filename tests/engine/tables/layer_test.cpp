#include "engine/tables/layer.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>

namespace perdure::tables {
namespace {

// Keys that tie in their first 16 bytes, differ only in length, or not at all.
rc::Gen<std::string> keys() {
  return rc::gen::apply(
      [](int kind, std::uint16_t number) {
        std::string digits = std::to_string(number % 700);
        switch (kind) {
          case 0: return digits;
          case 1: return "a prefix longer than a head " + digits;
          case 2: return std::string(number % 40, '\0');
          default: return std::string(14, 'p') + digits;
        }
      },
      rc::gen::inRange(0, 4), rc::gen::arbitrary<std::uint16_t>());
}

TEST(Layer, IsAnOrderedMap) {
  const auto property =
      [](const std::vector<std::pair<int, std::pair<std::string, std::string>>>& steps) {
        Layer layer;
        std::map<std::string, std::string, std::less<>> model;
        RangeSet erased;
        for (const auto& [kind, words] : steps) {
          const auto& [key, other] = words;
          if (kind < 12) {
            Row& row = layer.find_or_make(key).row;
            layer.grew(row.value.size(), other.size());
            row.value = other;
            row.present = row.dirty = true;
            model[key] = other;
          } else if (kind == 12 && key < other) {
            layer.erase_range(key, other);
            model.erase(model.lower_bound(key), model.lower_bound(other));
            erased.insert(key, other);
          }
          layer.check_invariants();
          const Row* found = layer.find(other);
          RC_ASSERT((found != nullptr) == model.contains(other));
          const Row* next = layer.at(layer.seek(other));
          const auto expected = model.lower_bound(other);
          RC_ASSERT((next != nullptr) == (expected != model.end()));
          if (next) RC_ASSERT(next->key() == expected->first);
        }
        auto expected = model.begin();
        for (auto place = layer.seek(""); const Row* row = layer.at(place);
             place = layer.after(place)) {
          RC_ASSERT(expected != model.end());
          RC_ASSERT(row->key() == expected->first);
          RC_ASSERT(row->value == expected->second);
          ++expected;
        }
        RC_ASSERT(expected == model.end());
        RC_ASSERT(layer.rows() == model.size());
        RC_ASSERT(layer.erased().ranges() == erased.ranges());
      };
  const auto steps = rc::gen::resize(
      1500, rc::gen::container<std::vector<std::pair<int, std::pair<std::string, std::string>>>>(
                rc::gen::pair(rc::gen::inRange(0, 13), rc::gen::pair(keys(), keys()))));
  EXPECT_TRUE(rc::check("rows and order", [&] { property(*steps); }));
}

TEST(Layer, FillsItsChunksWhenKeysComeInOrder) {
  Layer layer;
  for (int i = 0; i < 100'000; ++i) {
    std::string key = std::to_string(1'000'000 + i);
    layer.find_or_make(key).row.absent_below = true;
  }
  layer.check_invariants();
  EXPECT_EQ(layer.rows(), 100'000u);
  while (layer.remove_some(1000)) layer.check_invariants();
  EXPECT_EQ(layer.bytes(), 0u);
}

TEST(RangeSet, JoinsWhatTouches) {
  RangeSet set;
  set.insert("c", "e");
  set.insert("a", "b");
  set.insert("g", "h");
  EXPECT_EQ(set.ranges().size(), 3u);
  EXPECT_TRUE(set.contains("c"));
  EXPECT_FALSE(set.contains("e"));
  EXPECT_FALSE(set.covers("a", "e"));
  set.insert("b", "c");
  EXPECT_EQ(set.ranges().size(), 2u);
  EXPECT_TRUE(set.covers("a", "e"));
  set.insert("0", "z");
  EXPECT_EQ(set.ranges().size(), 1u);
  set.insert("x", "x");
  set.insert("y", "a");
  EXPECT_EQ(set.ranges().size(), 1u);
}

TEST(KeyRange, OfAPrefixEndsBeforeTheNext) {
  EXPECT_EQ(range_of_prefix("ab"), (KeyRange{"ab", "ac"}));
  EXPECT_EQ(range_of_prefix(std::string("a\xff\xff", 3)), (KeyRange{"a\xff\xff", "b"}));
  EXPECT_EQ(range_of_prefix("").to, key_end);
}

}  // namespace
}  // namespace perdure::tables
