#include "engine/wal/tail_memory.h"

#include <utility>

#include "engine/base/check.h"

namespace perdure::wal {

bool TailMemory::continues(Position at, std::uint32_t bytes) const {
  if (blocks_.empty()) return false;
  const Block& last = blocks_.back();
  return segment_of(last.first) == segment_of(at) &&
         byte_of(at) - byte_of(last.first) + std::uint64_t{bytes} <= last.size;
}

void TailMemory::begin_block(Position at, std::uint32_t bytes) {
  Block block;
  if (bytes <= block_bytes_ && unused_.memory != nullptr) {
    block = std::exchange(unused_, Block());
  } else {
    block.size = bytes <= block_bytes_ ? block_bytes_ : bytes;
    block.memory = std::make_unique_for_overwrite<std::byte[]>(block.size);
  }
  block.first = at;
  block.used = 0;
  bytes_ += block.size;
  blocks_.push_back(std::move(block));
}

std::byte* TailMemory::extend(Position at, std::uint32_t bytes) {
  CHECK(continues(at, bytes));
  Block& last = blocks_.back();
  const std::uint32_t begin = byte_of(at) - byte_of(last.first);
  CHECK(begin >= last.used);
  last.used = begin + bytes;
  return last.memory.get() + begin;
}

std::byte* TailMemory::find(Position at, std::uint32_t bytes) {
  // The last block that begins at or before `at`.
  std::size_t low = 0, high = blocks_.size();
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    (blocks_[middle].first <= at ? low : high) = blocks_[middle].first <= at ? middle + 1 : middle;
  }
  if (low == 0) return nullptr;
  Block& block = blocks_[low - 1];
  if (segment_of(block.first) != segment_of(at)) return nullptr;
  const std::uint64_t begin = byte_of(at) - byte_of(block.first);
  return begin + bytes <= block.used ? block.memory.get() + begin : nullptr;
}

void TailMemory::evict(Position durable) {
  while (bytes_ > budget_bytes_ && blocks_.size() > 1 && blocks_[1].first <= durable) {
    Block& oldest = blocks_.front();
    bytes_ -= oldest.size;
    if (oldest.size == block_bytes_) unused_ = std::move(oldest);
    blocks_.pop_front();
  }
}

}  // namespace perdure::wal
