// engine/tables/layer.h
//
// The rows that changed since a checkpoint, in key order, in memory.
//
//     directory   first head of each chunk, in order        (binary search, cached)
//     chunk       up to 64 heads, and as many row pointers (binary search, cached)
//     row         one allocation: header, value, key bytes  (touched once, for the tie)
//
// A head is a key's first 16 bytes as a number: two heads that differ order their keys,
// so only the last step of a search reads a key.  Measured against std::map in
// docs/decisions/0005-checkpoint-by-ingest.md: under half of its time a put.
//
// Apply asks for the same few keys several times in a row (is it there? what is it? write
// it), so found rows are remembered by the hash of their keys: the search is for the rest.
//
// Beside rows a layer has *erased ranges*: a key in one of them that has no row in this
// layer is absent, whatever lies below.
//
// A row stays where it is until it is removed, so a pointer to its value holds through
// any change of other rows.
//
// Not here: what lies below, when to write, who is looking.  See store.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tables/ranges.h"

namespace perdure::tables {

// What a layer says of one key.
//
//   present  dirty   means                        a checkpoint writes
//   yes      yes     put                          the value
//   no       yes     erased, may exist below      a tombstone
//   yes      no      remembered from below        nothing
//   no       no      known absent below           nothing
class Row {
 public:
  std::string_view key() const { return {reinterpret_cast<const char*>(this + 1), key_size_}; }
  std::size_t bytes() const { return overhead + key_size_ + value.size(); }

  std::string value;
  bool present = false;
  bool dirty = false;
  bool absent_below = false;  // so erasing it again needs no tombstone

 private:
  friend class Layer;
  struct Free {
    void operator()(Row* row) const;
  };
  using Owner = std::unique_ptr<Row, Free>;
  static constexpr std::size_t overhead = 88;  // header, heap block and slot, about

  explicit Row(std::uint32_t key_size) : key_size_(key_size) {}
  static Owner make(std::string_view key);

  std::uint32_t key_size_;
};

class Layer {
  __extension__ using Head = unsigned __int128;
  static constexpr std::size_t chunk_rows = 64;
  static constexpr std::size_t recent_rows = 512;
  struct Chunk {
    std::size_t size = 0;
    std::array<Head, chunk_rows> heads;
    std::array<Row::Owner, chunk_rows> rows;
  };

 public:
  // A place in the order.  Any insert or removal makes it meaningless: seek again.
  struct Place {
    std::size_t chunk = 0, slot = 0;
    friend bool operator==(Place, Place) = default;
  };

  Row* find(std::string_view key) const;
  // The row of the key; a new one is neither present nor dirty.
  struct Found {
    Row& row;
    bool made;
  };
  Found find_or_make(std::string_view key);
  // Frees the rows of [from, to).
  void remove(std::string_view from, std::string_view to);
  // Frees rows from the end, about `rows_max` of them; false when none is left.
  bool remove_some(std::size_t rows_max);

  Place seek(std::string_view key) const;  // the first row at or after the key
  Row* at(Place) const;                    // null at the end
  Place after(Place) const;

  std::size_t rows() const { return rows_; }
  // Of rows and erased ranges.  Values that grew in place are counted by grew().
  std::size_t bytes() const { return bytes_; }
  void grew(std::size_t before, std::size_t after) { bytes_ = bytes_ - before + after; }

  void erase_range(std::string_view from, std::string_view to);  // forgets its rows, too
  const RangeSet& erased() const { return erased_; }

  void check_invariants() const;

 private:
  static Head head_of(std::string_view key);
  static std::size_t first_at_or_after(const Head* heads, std::size_t size, Head head);
  static std::size_t ties_end(const Head* heads, std::size_t size, std::size_t low, Head head);
  std::size_t chunk_of(Head head, std::string_view key) const;
  static std::size_t slot_of(const Chunk& chunk, Head head, std::string_view key);
  std::size_t split(std::size_t chunk, std::size_t slot);
  static std::size_t recent_slot(std::string_view key);
  void forget(const Row& row);
  void remove_slots(std::size_t chunk, std::size_t first, std::size_t end);

  std::vector<Head> first_heads_;  // of each chunk
  std::vector<std::unique_ptr<Chunk>> chunks_;
  mutable std::array<Row*, recent_rows> recent_{};  // each is in a chunk, or null
  RangeSet erased_;
  std::size_t rows_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace perdure::tables
