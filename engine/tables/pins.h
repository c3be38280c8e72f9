// engine/tables/pins.h
//
// Rows of the base that stay in memory because somebody announced that he will read
// them.  A window of records has one; a part of the tables that must always be at hand
// may have one for life.  Each costs a look at every read that the layers do not
// answer, so: a handful at a time, not one a record.
//
// What a pin says is true of the base as it is *now*: when a checkpoint lays a frozen
// layer over the base, the pins learn from it what they held before, or did not need
// to hold while the layer answered.
//
//     rows_     key -> unknown: a layer answers it | absent | value
//     covered_  ranges pinned whole: what has no row in them is absent
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/tables/merge.h"
#include "engine/tables/ranges.h"

namespace perdure::tables {

class Store;

class Pins {
 public:
  explicit Pins(Store& store);
  ~Pins();  // releases them
  Pins(const Pins&) = delete;
  Pins& operator=(const Pins&) = delete;

  void release();  // all of them, to be used afresh
  std::size_t rows() const { return rows_.size(); }

 private:
  friend class Store;
  friend class PinsSource;
  struct Pinned {
    bool known = false;
    std::optional<std::string> value;
  };
  using Rows = std::map<std::string, Pinned, std::less<>>;

  void learn(const Layer& layer);
  void cover(const KeyRange& range, std::vector<std::pair<std::string, std::string>> rows);

  Store& store_;
  Rows rows_;
  RangeSet covered_;
};

// The pinned rows of [from, to), or nothing of no pins.
class PinsSource : public Source {
 public:
  PinsSource(const Pins* pins, std::string_view from, std::string_view to);
  std::optional<Seen> now() const override;
  void advance() override { ++row_; }
  bool erases(std::string_view) const override { return false; }

 private:
  Pins::Rows::const_iterator row_, end_;
};

}  // namespace perdure::tables
