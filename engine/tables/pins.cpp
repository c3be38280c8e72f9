#include "engine/tables/pins.h"

#include <algorithm>

#include "engine/tables/store.h"

namespace perdure::tables {

Pins::Pins(Store& store) : store_(store) { store_.pins_.push_back(this); }

Pins::~Pins() { std::erase(store_.pins_, this); }

void Pins::release() {
  rows_.clear();
  covered_.clear();
}

// The layer becomes part of the base: first its erased ranges, then its rows.  A row
// that the layer only remembered from below may be news to us all the same.
void Pins::learn(const Layer& layer) {
  for (const auto& [from, to] : layer.erased().ranges()) {
    for (auto row = rows_.lower_bound(from); row != rows_.end() && row->first < to; ++row) {
      row->second = {.known = true, .value = std::nullopt};
    }
  }
  for (auto& [key, pinned] : rows_) {
    const Row* row = layer.find(key);
    if (!row || (!row->dirty && pinned.known)) continue;
    pinned = {.known = true, .value = std::nullopt};
    if (row->present) pinned.value = row->value;
  }
  for (const auto& [from, to] : covered_.ranges()) {
    for (auto place = layer.seek(from);; place = layer.after(place)) {
      const Row* row = layer.at(place);
      if (!row || row->key() >= to) break;
      if (row->dirty && row->present) {
        rows_.try_emplace(std::string(row->key()), Pinned{.known = true, .value = row->value});
      }
    }
  }
}

// All that the base holds of the range, as of now.
void Pins::cover(const KeyRange& range, std::vector<std::pair<std::string, std::string>> rows) {
  for (auto& [key, value] : rows) {
    rows_.insert_or_assign(std::move(key), Pinned{.known = true, .value = std::move(value)});
  }
  for (auto row = rows_.lower_bound(range.from); row != rows_.end() && row->first < range.to;
       ++row) {
    row->second.known = true;  // what was not among them is absent
  }
  covered_.insert(range.from, range.to);
}

PinsSource::PinsSource(const Pins* pins, std::string_view from, std::string_view to) {
  if (!pins) return;
  row_ = pins->rows_.lower_bound(from);
  end_ = pins->rows_.lower_bound(to);
}

std::optional<Seen> PinsSource::now() const {
  if (row_ == end_) return std::nullopt;
  return Seen{row_->first, row_->second.value ? &*row_->second.value : nullptr};
}

}  // namespace perdure::tables
