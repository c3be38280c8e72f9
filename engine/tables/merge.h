// engine/tables/merge.h
//
// Several sources of rows, each in key order, seen as one: where two know a key the
// upper one is right, and what the upper one erased, it erased in all below.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/tables/layer.h"

namespace perdure::tables {

struct Seen {
  std::string_view key;
  const std::string* value;  // null: erased
};

class Source {
 public:
  virtual ~Source() = default;
  virtual std::optional<Seen> now() const = 0;  // absent: at its end
  virtual void advance() = 0;
  virtual bool erases(std::string_view key) const = 0;  // in sources below, by range
};

// The next key of all, uppermost source first, with its value or that it is erased;
// every source that knows the key moves on.  Absent: all are at their end.  The bytes
// are those of the source: take them before anything changes.
inline std::optional<Seen> next_of(std::span<Source* const> sources) {
  std::optional<Seen> least;
  std::size_t owner = 0;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const std::optional<Seen> here = sources[i]->now();
    if (here && (!least || here->key < least->key)) {
      least = here;
      owner = i;
    }
  }
  if (!least) return std::nullopt;
  for (std::size_t i = 0; i < owner; ++i) {
    if (sources[i]->erases(least->key)) least->value = nullptr;
  }
  for (std::size_t i = owner + 1; i < sources.size(); ++i) {
    const std::optional<Seen> here = sources[i]->now();
    if (here && here->key == least->key) sources[i]->advance();
  }
  sources[owner]->advance();
  return least;
}

// [from, to) of a layer, or nothing of none; good as long as no row comes or goes.
class LayerSource : public Source {
 public:
  LayerSource(const Layer* layer, std::string_view from, std::string_view to)
      : layer_(layer), to_(to), place_(layer ? layer->seek(from) : Layer::Place{}) {}

  const Row* row() const {
    const Row* row = layer_ ? layer_->at(place_) : nullptr;
    return row && row->key() < to_ ? row : nullptr;
  }
  std::optional<Seen> now() const override {
    const Row* here = row();
    if (!here) return std::nullopt;
    return Seen{here->key(), here->present ? &here->value : nullptr};
  }
  void advance() override { place_ = layer_->after(place_); }
  bool erases(std::string_view key) const override {
    return layer_ && layer_->erased().contains(key);
  }

 private:
  const Layer* layer_;
  std::string_view to_;
  Layer::Place place_;
};

}  // namespace perdure::tables
