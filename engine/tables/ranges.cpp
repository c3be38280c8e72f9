#include "engine/tables/ranges.h"

#include <algorithm>
#include <iterator>

namespace perdure::tables {

KeyRange range_of_prefix(std::string_view prefix) {
  KeyRange range{.from = std::string(prefix), .to = std::string(prefix)};
  while (!range.to.empty()) {
    const auto last = static_cast<unsigned char>(range.to.back());
    if (last != 0xff) {
      range.to.back() = static_cast<char>(last + 1);
      return range;
    }
    range.to.pop_back();
  }
  range.to = key_end;
  return range;
}

void RangeSet::insert(std::string_view from, std::string_view to) {
  if (from >= to) return;
  auto first = ranges_.upper_bound(from);
  if (first != ranges_.begin() && std::prev(first)->second >= from) --first;
  std::string low(from), high(to);
  auto end = first;
  while (end != ranges_.end() && end->first <= to) {
    low = std::min(low, end->first);
    high = std::max(high, end->second);
    ++end;
  }
  ranges_.erase(first, end);
  ranges_.emplace(std::move(low), std::move(high));
}

bool RangeSet::contains(std::string_view key) const {
  if (ranges_.empty()) return false;
  const auto after = ranges_.upper_bound(key);
  return after != ranges_.begin() && std::prev(after)->second > key;
}

bool RangeSet::covers(std::string_view from, std::string_view to) const {
  if (from >= to) return true;
  const auto after = ranges_.upper_bound(from);
  return after != ranges_.begin() && std::prev(after)->second >= to;
}

std::size_t RangeSet::bytes() const {
  std::size_t bytes = 0;
  for (const auto& [from, to] : ranges_) bytes += from.size() + to.size() + 96;
  return bytes;
}

}  // namespace perdure::tables
