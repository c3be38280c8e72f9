// tests/io/tables_conformance.h
//
// What every io::Tables must keep (engine/io/tables.h), run on each twin.  A twin's test
// says how to make one:
//
//     INSTANTIATE_TEST_SUITE_P(Rocks, TablesConformance, testing::Values(&make_rocks_host));
//
// Include it in one file of a test program.
#pragma once

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/io/tables.h"
#include "tests/io/tables_host.h"

namespace tests {

using namespace perdure;

class TablesConformance : public testing::TestWithParam<std::unique_ptr<TablesHost> (*)()> {
 protected:
  using Rows = std::map<std::string, std::string, std::less<>>;

  // Text of a run that lives as long as its ingest.
  struct Draft {
    std::map<std::string, std::string> ranges;
    std::map<std::string, std::optional<std::string>> changes;
  };

  void run(std::move_only_function<void()> body) { host->run(std::move(body)); }
  std::unique_ptr<io::Family> open(std::string_view name) {
    auto family = host->tables().open(name);
    EXPECT_TRUE(family) << family.error().detail;
    return std::move(*family);
  }
  static void ingest(io::Family& family, const Draft& draft) {
    io::Run run;
    for (const auto& [from, to] : draft.ranges) run.erase_ranges.push_back({from, to});
    for (const auto& [key, value] : draft.changes) {
      run.changes.push_back({.key = key, .value = std::nullopt});
      if (value) run.changes.back().value = *value;
    }
    const auto done = family.ingest(std::move(run));
    EXPECT_TRUE(done) << done.error().detail;
  }
  static void apply(Rows& rows, const Draft& draft) {
    for (const auto& [from, to] : draft.ranges) {
      rows.erase(rows.lower_bound(from), rows.lower_bound(to));
    }
    for (const auto& [key, value] : draft.changes) {
      if (value) {
        rows[key] = *value;
      } else {
        rows.erase(key);
      }
    }
  }
  static Rows rest_of(io::Cursor& cursor, std::size_t bytes_max) {
    Rows rows;
    std::string last;
    while (true) {
      auto batch = cursor.next(bytes_max);
      EXPECT_TRUE(batch) << batch.error().detail;
      if (!batch || batch->empty()) return rows;
      for (auto& [key, value] : *batch) {
        EXPECT_TRUE(rows.empty() || last < key);
        last = key;
        rows.emplace(std::move(key), std::move(value));
      }
    }
  }
  static Rows content(io::Family& family, std::string_view from = "",
                      std::string_view to = "\xff\xff\xff\xff") {
    auto cursor = family.scan(from, to);
    EXPECT_TRUE(cursor) << cursor.error().detail;
    return cursor ? rest_of(**cursor, 64) : Rows();
  }

  std::unique_ptr<TablesHost> host = GetParam()();
};

TEST_P(TablesConformance, ARunIsReadBack) {
  run([&] {
    const auto family = open("p1");
    EXPECT_TRUE(content(*family).empty());
    ingest(*family,
           {.ranges = {}, .changes = {{"b", "2"}, {"a", ""}, {"c", std::string(5000, 'x')}}});
    EXPECT_EQ(*family->get("a"), "");
    EXPECT_EQ(*family->get("b"), "2");
    EXPECT_EQ(*family->get("bb"), std::nullopt);
    EXPECT_EQ(*family->get_all({"c", "none", "b"}),
              (std::vector<std::optional<std::string>>{std::string(5000, 'x'), std::nullopt, "2"}));
    EXPECT_EQ(content(*family, "a", "c"), (Rows{{"a", ""}, {"b", "2"}}));
  });
}

TEST_P(TablesConformance, KeysOrderAsUnsignedBytes) {
  run([&] {
    const auto family = open("p1");
    const std::string zero("a\0", 2), high = "a\x80", top = "\xfe";
    ingest(*family, {.ranges = {},
                     .changes = {{zero, "1"}, {"a", "0"}, {high, "3"}, {"az", "2"}, {top, "4"}}});
    std::string order;
    for (const auto& [key, value] : content(*family)) order += value;
    EXPECT_EQ(order, "01234");
    EXPECT_EQ(content(*family, zero, top).size(), 3u);
  });
}

TEST_P(TablesConformance, RangesAreErasedBeforeTheChanges) {
  run([&] {
    const auto family = open("p1");
    ingest(*family, {.ranges = {}, .changes = {{"a", "1"}, {"b", "1"}, {"c", "1"}, {"d", "1"}}});
    ingest(*family, {.ranges = {{"b", "d"}}, .changes = {{"c", "2"}, {"d", std::nullopt}}});
    EXPECT_EQ(content(*family), (Rows{{"a", "1"}, {"c", "2"}}));
    ingest(*family, {.ranges = {{"a", "z"}}, .changes = {}});
    EXPECT_TRUE(content(*family).empty());
    EXPECT_EQ(*family->get("c"), std::nullopt);
    ingest(*family, {.ranges = {}, .changes = {{"nothing", std::nullopt}}});
    ingest(*family, {.ranges = {}, .changes = {}});
    EXPECT_TRUE(content(*family).empty());
  });
}

TEST_P(TablesConformance, ACursorSeesTheFamilyAsItWas) {
  run([&] {
    const auto family = open("p1");
    Draft many{.ranges = {}, .changes = {}};
    for (int i = 0; i < 500; ++i) many.changes["row" + std::to_string(i)] = std::string(50, 'x');
    ingest(*family, many);
    Rows before;
    apply(before, many);
    auto cursor = family->scan("", "z");
    ASSERT_TRUE(cursor);
    auto first = (*cursor)->next(1);
    ASSERT_TRUE(first);
    ASSERT_FALSE(first->empty());
    ingest(*family,
           {.ranges = {{"row1", "row8"}}, .changes = {{"row2", "new"}, {"row9", std::nullopt}}});
    Rows seen = rest_of(**cursor, 100);
    for (auto& row : *first) seen.insert(std::move(row));
    EXPECT_EQ(seen, before);
  });
}

TEST_P(TablesConformance, FamiliesAreApart) {
  run([&] {
    {
      const auto one = open("p1"), two = open("p2");
      ingest(*one, {.ranges = {}, .changes = {{"a", "1"}}});
      ingest(*two, {.ranges = {}, .changes = {{"a", "2"}}});
      EXPECT_EQ(*one->get("a"), "1");
      EXPECT_EQ(*two->get("a"), "2");
      EXPECT_EQ(*host->tables().list(), (std::vector<std::string>{"p1", "p2"}));
    }
    EXPECT_TRUE(host->tables().drop("p1"));
    EXPECT_TRUE(host->tables().drop("p1"));
    EXPECT_EQ(*host->tables().list(), (std::vector<std::string>{"p2"}));
    EXPECT_TRUE(content(*open("p1")).empty());
    EXPECT_EQ(*open("p2")->get("a"), "2");
  });
}

TEST_P(TablesConformance, WhatWasIngestedSurvivesARestart) {
  Rows expected;
  run([&] {
    const auto family = open("p1");
    for (int i = 0; i < 7; ++i) {
      Draft draft{.ranges = {{"m" + std::to_string(i), "n"}}, .changes = {}};
      for (int j = 0; j < 20; ++j)
        draft.changes["m" + std::to_string(i * j % 11)] = std::to_string(i);
      ingest(*family, draft);
      apply(expected, draft);
    }
  });
  host->restart();
  run([&] {
    EXPECT_EQ(*host->tables().list(), (std::vector<std::string>{"p1"}));
    EXPECT_EQ(content(*open("p1")), expected);
  });
}

TEST_P(TablesConformance, AnExportIsTakenInAgain) {
  run([&] {
    Rows expected;
    {
      const auto family = open("p1");
      for (const Draft& draft : {
               Draft{.ranges = {}, .changes = {{"a", "1"}, {"b", "1"}, {"m", "1"}, {"x", "1"}}},
               Draft{.ranges = {{"b", "y"}}, .changes = {{"a", "2"}}},
               Draft{.ranges = {}, .changes = {{"n", "3"}, {"a", std::nullopt}}},
               Draft{.ranges = {{"k", "zz"}}, .changes = {{"b", "4"}}},
           }) {
        ingest(*family, draft);
        apply(expected, draft);
      }
      const auto exported = family->export_to("export");
      ASSERT_TRUE(exported) << exported.error().detail;
      ingest(*family, {.ranges = {}, .changes = {{"later", "5"}}});
    }
    const auto taken = host->tables().import_family("p1", "export");
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().code, Code::conflict);
    for (const char* name : {"p2", "p3"}) {  // the export is not used up
      const auto imported = host->tables().import_family(name, "export");
      ASSERT_TRUE(imported) << imported.error().detail;
      const auto family = open(name);
      EXPECT_EQ(content(*family), expected);
      ingest(*family, {.ranges = {{"b", "c"}}, .changes = {{"c", "6"}}});
      EXPECT_EQ(content(*family), (Rows{{"c", "6"}}));
    }
    EXPECT_EQ(content(*open("p1")).size(), expected.size() + 1);
  });
  host->restart();
  run([&] { EXPECT_EQ(content(*open("p3")), (Rows{{"c", "6"}})); });
}

TEST_P(TablesConformance, AnEmptyFamilyIsExportedToo) {
  run([&] {
    ASSERT_TRUE(open("p1")->export_to("export"));
    ASSERT_TRUE(host->tables().import_family("p2", "export"));
    EXPECT_TRUE(content(*open("p2")).empty());
  });
}

TEST_P(TablesConformance, WhatIsNoExportIsRefused) {
  run([&] {
    EXPECT_FALSE(host->tables().import_family("p2", "nothing"));
    EXPECT_TRUE(content(*open("p2")).empty());
  });
}

TEST_P(TablesConformance, IsAMap) {
  const auto property = [this](const std::vector<std::vector<std::pair<int, int>>>& runs) {
    run([&] {
      Rows rows;
      {
        const auto family = open("model");
        for (const auto& changes : runs) {
          Draft draft{.ranges = {}, .changes = {}};
          for (const auto& [key, kind] : changes) {
            const std::string name = "k" + std::to_string(key);
            if (kind == 0) {
              draft.ranges = {{name, "k" + std::to_string(key % 7 + 3)}};
              if (draft.ranges.begin()->first >= draft.ranges.begin()->second) draft.ranges.clear();
            } else if (kind == 1) {
              draft.changes[name] = std::nullopt;
            } else {
              draft.changes[name] = std::to_string(kind);
            }
          }
          ingest(*family, draft);
          apply(rows, draft);
          for (int key = 0; key < 100; ++key) {
            const std::string name = "k" + std::to_string(key);
            const auto expected = rows.find(name);
            std::string value;
            const io::Peek peek = family->peek(name, value);
            if (peek != io::Peek::unknown) {
              EXPECT_EQ(peek == io::Peek::value, expected != rows.end());
              if (expected != rows.end()) {
                EXPECT_EQ(value, expected->second);
              }
            }
          }
          EXPECT_EQ(content(*family), rows);
        }
      }
      EXPECT_TRUE(host->tables().drop("model"));
    });
    RC_ASSERT(!HasFailure());
  };
  EXPECT_TRUE(rc::check("any runs", [&] {
    property(*rc::gen::resize(
        12, rc::gen::container<std::vector<std::vector<std::pair<int, int>>>>(rc::gen::resize(
                30, rc::gen::container<std::vector<std::pair<int, int>>>(
                        rc::gen::pair(rc::gen::inRange(0, 100), rc::gen::inRange(0, 6)))))));
  }));
}

}  // namespace tests
