// engine/wal/tail_memory.h
//
// The newest part of the stream, byte for byte as it is or will be on disk: what is
// appended is copied here once, written to disk from here, and read from here as long as
// it stays.
//
//     stream    ... | block 5:0 ... 1M | block 5:1M ... 2M | block 6:512 ...
//                     oldest, evicted first                  grows at `used`
//
// A block lies within one segment and holds whole frames only.  Blocks are evicted when
// all their bytes are durable and the budget is exceeded; the last one stays.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "engine/wal/frame.h"
#include "engine/wal/ring.h"

namespace perdure::wal {

class TailMemory {
 public:
  TailMemory(std::uint64_t budget_bytes, std::uint32_t block_bytes)
      : budget_bytes_(budget_bytes), block_bytes_(block_bytes) {}

  // Can [at, at + bytes) be added to the last block?
  bool continues(Position at, std::uint32_t bytes) const;
  // A new block from there on, for `bytes` at least.
  void begin_block(Position at, std::uint32_t bytes);
  // Memory of [at, at + bytes), which continue the last block; counted as used.
  std::byte* extend(Position at, std::uint32_t bytes);
  // Memory of those bytes, or nullptr when they are not here (any more).
  std::byte* find(Position at, std::uint32_t bytes);

  void evict(Position durable);
  std::uint64_t bytes() const { return bytes_; }  // of memory held

 private:
  struct Block {
    Position first;
    std::uint32_t used = 0;  // bytes
    std::uint32_t size = 0;
    std::unique_ptr<std::byte[]> memory;
  };

  const std::uint64_t budget_bytes_;
  const std::uint32_t block_bytes_;
  Ring<Block> blocks_;  // by position
  Block unused_;        // one evicted block of the usual size, to be used again
  std::uint64_t bytes_ = 0;
};

}  // namespace perdure::wal
