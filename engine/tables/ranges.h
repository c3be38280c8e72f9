// engine/tables/ranges.h
//
// Ranges of keys, and a set of them.  Keys order as unsigned bytes; a range is
// [from, to).  Every key lies below key_end, so [k, key_end) is "k and all after".
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace perdure::tables {

inline constexpr std::string_view key_end = "\xff";

struct KeyRange {
  std::string from, to;
  friend bool operator==(const KeyRange&, const KeyRange&) = default;
};

// All keys that begin with `prefix`.
KeyRange range_of_prefix(std::string_view prefix);

// Kept disjoint and not touching: inserting [a,c) and [c,d) leaves [a,d).
class RangeSet {
 public:
  void insert(std::string_view from, std::string_view to);  // nothing when empty
  void clear() { ranges_.clear(); }

  bool empty() const { return ranges_.empty(); }
  bool contains(std::string_view key) const;
  bool covers(std::string_view from, std::string_view to) const;  // true when empty
  std::size_t bytes() const;

  const std::map<std::string, std::string, std::less<>>& ranges() const { return ranges_; }

 private:
  std::map<std::string, std::string, std::less<>> ranges_;  // from -> to
};

}  // namespace perdure::tables
