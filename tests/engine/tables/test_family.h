// tests/engine/tables/test_family.h
//
// A family in memory that is as unhelpful as io/tables.h allows: every call parks for a
// while, the caches forget, an ingest shows before it returns, and may fail before or
// after its effect.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/io/fibers.h"
#include "engine/io/tables.h"

namespace tests {

using namespace perdure;
using Rows = std::map<std::string, std::string, std::less<>>;

class TestFamily : public io::Family {
 public:
  explicit TestFamily(io::Fibers& fibers) : fibers_(fibers) {}

  enum class Fate { ok, fails_before, fails_after };
  Rows rows;
  Fate next_ingest = Fate::ok;
  bool caches_know = false;  // peek() answers half of the keys; else none
  int ingests = 0;

  io::Peek peek(std::string_view key, std::string& value) override {
    if (!caches_know || hash64(key, ++peeks_) % 2 == 0) return io::Peek::unknown;
    const auto row = rows.find(key);
    if (row == rows.end()) return io::Peek::absent;
    value = row->second;
    return io::Peek::value;
  }
  Result<std::optional<std::string>> get(std::string_view key) override {
    const bool reads_early = dice() % 2 == 0;
    std::optional<std::string> value = find(key);
    dawdle();
    return reads_early ? value : find(key);
  }
  Result<std::unique_ptr<io::Cursor>> scan(std::string_view from, std::string_view to) override {
    dawdle();
    auto cursor = std::make_unique<TestCursor>(*this);
    for (auto row = rows.lower_bound(from); row != rows.end() && row->first < to; ++row) {
      cursor->rows.emplace_back(*row);
    }
    dawdle();
    return cursor;
  }
  Result<void> ingest(io::Run run) override {
    dawdle();
    const Fate fate = std::exchange(next_ingest, Fate::ok);
    if (fate == Fate::fails_before) return fail(Code::failed, "lost before it was written");
    for (const auto& [from, to] : run.erase_ranges) {
      rows.erase(rows.lower_bound(from), rows.lower_bound(to));
    }
    std::string_view last;
    for (const io::Change& change : run.changes) {
      CHECK(last < change.key || last.empty());
      last = change.key;
      if (change.value) {
        rows.insert_or_assign(std::string(change.key), std::string(*change.value));
      } else {
        rows.erase(std::string(change.key));
      }
    }
    ++ingests;
    tombstones = 0;
    for (const io::Change& change : run.changes) tombstones += change.value ? 0 : 1;
    dawdle();
    if (fate == Fate::fails_after) return fail(Code::failed, "lost after it was written");
    return {};
  }
  Result<void> export_to(std::string_view) override { return fail(Code::invalid, "no exports"); }

  std::size_t tombstones = 0;  // of the last run

 private:
  class TestCursor : public io::Cursor {
   public:
    explicit TestCursor(TestFamily& family) : family_(family) {}
    std::vector<std::pair<std::string, std::string>> rows;

    Result<std::vector<std::pair<std::string, std::string>>> next(std::size_t bytes_max) override {
      family_.dawdle();
      std::vector<std::pair<std::string, std::string>> batch;
      for (std::size_t bytes = 0; next_ < rows.size() && bytes < bytes_max; ++next_) {
        bytes += rows[next_].first.size() + rows[next_].second.size();
        batch.push_back(rows[next_]);
      }
      return batch;
    }

   private:
    TestFamily& family_;
    std::size_t next_ = 0;
  };

  std::optional<std::string> find(std::string_view key) const {
    const auto row = rows.find(key);
    return row == rows.end() ? std::nullopt : std::optional(row->second);
  }
  void dawdle() {
    for (std::uint64_t turns = dice() % 4; turns > 0; --turns) fibers_.yield();
  }
  std::uint64_t dice() { return hash64("dice", ++throws_); }

  io::Fibers& fibers_;
  std::uint64_t throws_ = 0, peeks_ = 0;
};

}  // namespace tests
