// engine/tables/scan.h
//
// A long look at a range of a store as it was when the scan was opened, in pieces,
// while apply goes on.  For queries, exports by row, digests.
//
// It holds the layers of that moment and a cursor of the base.  The frozen one no
// longer changes.  The active one does: so before a row of it that the scan has still
// to visit is changed, the store hands the scan the row as it was (`saved_`).
//
//     memory <= one piece + one batch of the base + what changed ahead of it
//
// The last is bounded by saved_bytes_max: a scan that apply rewrites faster than it
// reads answers retry_later, and is to be opened anew.
//
// Dies before its store.  Not here: filters, columns.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/result.h"
#include "engine/io/tables.h"
#include "engine/tables/layer.h"
#include "engine/tables/ranges.h"

namespace perdure::tables {

class Store;

class Scan {
 public:
  static constexpr std::size_t saved_bytes_max = std::size_t{32} << 20;

  ~Scan();
  Scan(const Scan&) = delete;
  Scan& operator=(const Scan&) = delete;

  // The next rows in key order, about `bytes_max` of them (at least one); empty at the
  // end.  Parks.  Errors: the family's; retry_later when apply outran the scan.
  using Rows = std::vector<std::pair<std::string, std::string>>;
  Result<Rows> next(std::size_t bytes_max);

 private:
  friend class Store;
  class LiveSource;
  class BaseSource;
  // A row of the active layer as it was: absent from the layer, erased there, or a value.
  struct Saved {
    bool in_layer = false;
    std::optional<std::string> value;
  };
  using SavedRows = std::map<std::string, Saved, std::less<>>;

  Scan(Store& store, std::string_view from, std::string_view to);
  Result<void> open();
  void hold_layers();
  void save(std::string_view key, const Row* row);
  Result<void> fill_base(std::size_t bytes_max);
  void merge_into(Rows& rows, std::size_t bytes_max);

  Store& store_;
  const std::string from_, to_;
  std::string position_;         // rows before it are done
  const Layer* live_ = nullptr;  // active when the scan was opened
  const Layer* frozen_ = nullptr;
  RangeSet live_erased_;  // as it was
  SavedRows saved_;
  std::size_t saved_bytes_ = 0;
  bool outrun_ = false;
  std::unique_ptr<io::Cursor> cursor_;
  Rows base_;  // the cursor's last batch, from base_next_ on
  std::size_t base_next_ = 0;
  bool base_ended_ = false;
};

}  // namespace perdure::tables
