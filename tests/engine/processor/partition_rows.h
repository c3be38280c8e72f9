// tests/engine/processor/partition_rows.h
//
// A partition's rows for tests of apply: records go in, rows are looked at.  After every
// record all of it goes down to a family whose caches know nothing, so a row that apply
// reads without having said so fails a CHECK here and not in a year.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "engine/processor/apply.h"
#include "engine/tables/scan.h"
#include "host/manual_loop.h"
#include "tests/engine/tables/test_family.h"

namespace tests {

enum class Warmth { cold, warm };

class PartitionRows {
 public:
  using All = std::map<std::string, std::string>;

  explicit PartitionRows(processor::Owner of, Warmth how = Warmth::cold) : owner(of), warmth_(how) {
    in_fiber([&] { store = std::make_unique<tables::Store>(loop.fibers, family); });
  }
  ~PartitionRows() {
    in_fiber([&] { store.reset(); });
  }

  Result<processor::Changes> apply(Lsn lsn, const wire::Record& record) {
    processor::Changes changes;
    Result<void> applied;
    in_fiber([&] {
      tables::Pins pins(*store);
      while (true) {
        tables::Reads missing;
        processor::missing_for(record, owner, *store, missing);
        if (missing.keys.empty() && missing.ranges.empty()) break;
        CHECK(store->prepare(missing, pins).has_value());
      }
      applied = processor::apply(lsn, record, owner, *store, changes);
    });
    if (!applied) return std::unexpected(applied.error());
    if (warmth_ == Warmth::cold) checkpoint();
    return changes;
  }

  void checkpoint() {
    in_fiber([&] {
      store->freeze();
      CHECK(store->write_frozen().has_value());
    });
  }

  All all() {
    All rows;
    in_fiber([&] {
      auto scan = store->scan("", tables::key_end);
      CHECK(scan.has_value());
      while (true) {
        auto some = (*scan)->next(1 << 20);
        CHECK(some.has_value());
        if (some->empty()) break;
        for (auto& [key, value] : *some) rows.emplace(std::move(key), std::move(value));
      }
    });
    return rows;
  }

  void in_fiber(std::move_only_function<void()> body) {
    const bool ended = loop.run(std::move(body));
    CHECK(ended);
  }

  host::ManualLoop loop;
  TestFamily family{loop.fibers};
  const processor::Owner owner;
  std::unique_ptr<tables::Store> store;

 private:
  const Warmth warmth_;
};

}  // namespace tests
