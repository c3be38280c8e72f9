#include "engine/tables/layer.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

#include "engine/base/bytes.h"
#include "engine/base/check.h"

namespace perdure::tables {

void Row::Free::operator()(Row* row) const {
  row->~Row();
  ::operator delete(row);
}

Row::Owner Row::make(std::string_view key) {
  CHECK(key.size() <= UINT32_MAX);
  void* memory = ::operator new(sizeof(Row) + key.size());
  Owner row(new (memory) Row(static_cast<std::uint32_t>(key.size())));
  if (!key.empty()) std::memcpy(reinterpret_cast<char*>(row.get() + 1), key.data(), key.size());
  return row;
}

// Shorter keys are filled with zeros, so "a" and "a\0" tie, and the keys decide.
Layer::Head Layer::head_of(std::string_view key) {
  std::array<std::uint64_t, 2> halves{};
  std::memcpy(halves.data(), key.data(), std::min(key.size(), sizeof(halves)));
  return Head{__builtin_bswap64(halves[0])} << 64 | __builtin_bswap64(halves[1]);
}

// The first of `size` sorted heads that is not below `head`, without a branch to guess.
std::size_t Layer::first_at_or_after(const Head* heads, std::size_t size, Head head) {
  const Head* low = heads;
  while (size > 1) {
    const std::size_t half = size / 2;
    low += static_cast<std::size_t>(low[half - 1] < head) * half;
    size -= half;
  }
  return static_cast<std::size_t>(low - heads) + (size == 1 && *low < head ? 1 : 0);
}

// The end of the heads from `low` on that equal `head`: among them the keys decide.
std::size_t Layer::ties_end(const Head* heads, std::size_t size, std::size_t low, Head head) {
  if (low == size || heads[low] != head) return low;
  if (head == ~Head{0}) return size;
  return low + first_at_or_after(heads + low, size - low, head + 1);
}

// The last chunk whose first key is at or before `key`, or the first chunk.
std::size_t Layer::chunk_of(Head head, std::string_view key) const {
  std::size_t low = first_at_or_after(first_heads_.data(), first_heads_.size(), head);
  std::size_t high = ties_end(first_heads_.data(), first_heads_.size(), low, head);
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if (chunks_[middle]->rows[0]->key() <= key) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low == 0 ? 0 : low - 1;
}

// The first slot whose key is at or after `key`; chunk.size when there is none.
std::size_t Layer::slot_of(const Chunk& chunk, Head head, std::string_view key) {
  std::size_t low = first_at_or_after(chunk.heads.data(), chunk.size, head);
  std::size_t high = ties_end(chunk.heads.data(), chunk.size, low, head);
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if (chunk.rows[middle]->key() < key) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

std::size_t Layer::recent_slot(std::string_view key) { return hash64(key) % recent_rows; }

void Layer::forget(const Row& row) {
  Row*& recent = recent_[recent_slot(row.key())];
  if (recent == &row) recent = nullptr;
}

Row* Layer::find(std::string_view key) const {
  if (chunks_.empty()) return nullptr;
  Row*& recent = recent_[recent_slot(key)];
  if (recent && recent->key() == key) return recent;
  const Head head = head_of(key);
  const Chunk& chunk = *chunks_[chunk_of(head, key)];
  const std::size_t slot = slot_of(chunk, head, key);
  if (slot == chunk.size || chunk.heads[slot] != head) return nullptr;
  Row* row = chunk.rows[slot].get();
  if (row->key() != key) return nullptr;
  recent = row;
  return row;
}

Layer::Found Layer::find_or_make(std::string_view key) {
  Row*& recent = recent_[recent_slot(key)];
  if (recent && recent->key() == key) return {*recent, false};
  const Head head = head_of(key);
  if (chunks_.empty()) {
    chunks_.push_back(std::make_unique<Chunk>());
    first_heads_.push_back(head);
  }
  std::size_t at = rows_ == 0 ? 0 : chunk_of(head, key);
  std::size_t slot = slot_of(*chunks_[at], head, key);
  if (slot < chunks_[at]->size && chunks_[at]->heads[slot] == head &&
      chunks_[at]->rows[slot]->key() == key) {
    recent = chunks_[at]->rows[slot].get();
    return {*recent, false};
  }
  if (chunks_[at]->size == chunk_rows) {
    at = split(at, slot);
    slot = slot_of(*chunks_[at], head, key);
  }
  Chunk& chunk = *chunks_[at];
  const auto moved = static_cast<std::ptrdiff_t>(slot),
             size = static_cast<std::ptrdiff_t>(chunk.size);
  std::move_backward(chunk.heads.begin() + moved, chunk.heads.begin() + size,
                     chunk.heads.begin() + size + 1);
  std::move_backward(chunk.rows.begin() + moved, chunk.rows.begin() + size,
                     chunk.rows.begin() + size + 1);
  chunk.heads[slot] = head;
  chunk.rows[slot] = Row::make(key);
  recent = chunk.rows[slot].get();
  ++chunk.size;
  if (slot == 0) first_heads_[at] = head;
  ++rows_;
  bytes_ += chunk.rows[slot]->bytes();
  return {*chunk.rows[slot], true};
}

// Makes room in a full chunk; returns the half that `slot` falls into.  Keys that come
// in order fill their chunks: behind the last row nothing is moved.
std::size_t Layer::split(std::size_t at, std::size_t slot) {
  Chunk& left = *chunks_[at];
  const std::size_t keep = slot == chunk_rows ? chunk_rows : chunk_rows / 2;
  auto right = std::make_unique<Chunk>();
  const auto kept = static_cast<std::ptrdiff_t>(keep);
  std::move(left.heads.begin() + kept, left.heads.end(), right->heads.begin());
  std::move(left.rows.begin() + kept, left.rows.end(), right->rows.begin());
  right->size = chunk_rows - keep;
  left.size = keep;
  const auto place = static_cast<std::ptrdiff_t>(at + 1);
  first_heads_.insert(first_heads_.begin() + place, right->heads[0]);
  chunks_.insert(chunks_.begin() + place, std::move(right));
  return slot > keep || keep == chunk_rows ? at + 1 : at;
}

Layer::Place Layer::seek(std::string_view key) const {
  if (chunks_.empty()) return {};
  const Head head = head_of(key);
  const std::size_t chunk = chunk_of(head, key);
  const std::size_t slot = slot_of(*chunks_[chunk], head, key);
  return slot == chunks_[chunk]->size ? Place{.chunk = chunk + 1} : Place{chunk, slot};
}

Row* Layer::at(Place place) const {
  return place.chunk < chunks_.size() ? chunks_[place.chunk]->rows[place.slot].get() : nullptr;
}

Layer::Place Layer::after(Place place) const {
  return place.slot + 1 < chunks_[place.chunk]->size ? Place{place.chunk, place.slot + 1}
                                                     : Place{.chunk = place.chunk + 1};
}

void Layer::remove_slots(std::size_t at, std::size_t first, std::size_t end) {
  Chunk& chunk = *chunks_[at];
  for (std::size_t slot = first; slot < end; ++slot) {
    bytes_ -= chunk.rows[slot]->bytes();
    forget(*chunk.rows[slot]);
  }
  const auto to = static_cast<std::ptrdiff_t>(first), from = static_cast<std::ptrdiff_t>(end),
             size = static_cast<std::ptrdiff_t>(chunk.size);
  std::move(chunk.heads.begin() + from, chunk.heads.begin() + size, chunk.heads.begin() + to);
  std::move(chunk.rows.begin() + from, chunk.rows.begin() + size, chunk.rows.begin() + to);
  for (std::size_t slot = chunk.size - (end - first); slot < chunk.size; ++slot) {
    chunk.rows[slot].reset();
  }
  chunk.size -= end - first;
  rows_ -= end - first;
  if (chunk.size > 0 && first == 0) first_heads_[at] = chunk.heads[0];
}

void Layer::remove(std::string_view from, std::string_view to) {
  if (from >= to || chunks_.empty()) return;
  const Place begin = seek(from), end = seek(to);
  std::size_t first_empty = chunks_.size(), empty = 0;
  for (std::size_t at = begin.chunk; at < chunks_.size() && at <= end.chunk; ++at) {
    const std::size_t first = at == begin.chunk ? begin.slot : 0;
    const std::size_t last = at == end.chunk ? end.slot : chunks_[at]->size;
    if (first < last) remove_slots(at, first, last);
    if (chunks_[at]->size == 0) {
      first_empty = std::min(first_empty, at);
      ++empty;
    }
  }
  const auto gone = static_cast<std::ptrdiff_t>(first_empty);
  const auto gone_end = static_cast<std::ptrdiff_t>(first_empty + empty);
  if (empty == 0) return;
  first_heads_.erase(first_heads_.begin() + gone, first_heads_.begin() + gone_end);
  chunks_.erase(chunks_.begin() + gone, chunks_.begin() + gone_end);
}

bool Layer::remove_some(std::size_t rows_max) {
  for (std::size_t removed = 0; removed < rows_max && !chunks_.empty();) {
    removed += chunks_.back()->size;
    remove_slots(chunks_.size() - 1, 0, chunks_.back()->size);
    chunks_.pop_back();
    first_heads_.pop_back();
  }
  return !chunks_.empty();
}

void Layer::erase_range(std::string_view from, std::string_view to) {
  remove(from, to);
  bytes_ -= erased_.bytes();
  erased_.insert(from, to);
  bytes_ += erased_.bytes();
}

void Layer::check_invariants() const {
  CHECK(first_heads_.size() == chunks_.size());
  std::size_t rows = 0, bytes = erased_.bytes();
  const Row* last = nullptr;
  for (std::size_t at = 0; at < chunks_.size(); ++at) {
    CHECK(chunks_[at]->size > 0);
    CHECK(first_heads_[at] == chunks_[at]->heads[0]);
    for (std::size_t slot = 0; slot < chunks_[at]->size; ++slot) {
      const Row* row = chunks_[at]->rows[slot].get();
      CHECK(chunks_[at]->heads[slot] == head_of(row->key()));
      IMPLIES(last, last->key() < row->key());
      IMPLIES(!row->present, row->value.empty());
      IMPLIES(!row->present && !row->dirty, row->absent_below);
      last = row;
      bytes += row->bytes();
    }
    rows += chunks_[at]->size;
  }
  CHECK(rows == rows_);
  CHECK(bytes == bytes_);
  for (std::size_t slot = 0; slot < recent_rows; ++slot) {
    if (!recent_[slot]) continue;
    CHECK(recent_slot(recent_[slot]->key()) == slot);
    CHECK(at(seek(recent_[slot]->key())) == recent_[slot]);
  }
}

}  // namespace perdure::tables
