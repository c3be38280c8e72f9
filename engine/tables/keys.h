// engine/tables/keys.h
//
// How the rows of one partition are named.  A key is one byte of kind, then fields in
// such a form that the order of bytes is the order that is wanted: numbers big-endian,
// texts with their length in front (so that no name is the prefix of another), and the
// partition key before all where a row belongs to one, so that what splits or moves by
// partition key lies together.
//
//   kind  name       key after the kind                          value (rows.h)
//   01    partition                                              PartitionRow
//   02    (was the schema: apply reads none)
//   03    source     partition u64                               u64, the mark
//   04    request    first attempt ms, id                        empty
//   10    live       invocation id                               InvocationRow
//   11    ended      invocation id                               EndedRow
//   12    journal    invocation id, chunk u32 (tail: ffffffff)   frames
//   13    lock       partition key, service, key                 see lock.h
//   14    state      partition key, service, key, state key      bytes
//   15    promise    partition key, service, key, name           PromiseRow
//   20    outbox     seq u64                                     OutboxRow
//   21    timer      due ms, timer kind u8, id, completion u32   empty
//   30    completed  bucket u32, invocation id                   CompletedRow
//   31    kept       bucket u32, invocation id                   frames (the tail)
//   32    long_kept  bucket u32, invocation id                   empty
//
// `live` holds what is pending, and nothing else: a new leader reads that range, however
// much has ended.  The 30s are the bulk of what is stored, and go by time: a *bucket* is
// an hour of expiry, and is dropped whole (docs/decisions/retention-by-bucket.md).
//
// A number once given to a kind is never given to another.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "engine/base/ids.h"
#include "engine/base/time.h"
#include "engine/tables/ranges.h"
#include "engine/wire/command.h"

namespace perdure::tables {

// Bytes of one key.  All but very long ones live in the object: keys are made and
// dropped several times a command.
class Key {
 public:
  Key() = default;
  Key(const Key& other) { append(other); }
  Key& operator=(const Key& other) {
    if (this != &other) size_ = 0, append(other);
    return *this;
  }
  operator std::string_view() const {
    return {size_ <= room ? here_.data() : elsewhere_.data(), size_};
  }
  std::string str() const { return std::string(std::string_view(*this)); }

  Key& append(std::string_view bytes) {
    if (size_ + bytes.size() <= room) {
      if (!bytes.empty()) std::memcpy(here_.data() + size_, bytes.data(), bytes.size());
    } else {
      if (size_ <= room) elsewhere_.assign(here_.data(), size_);
      elsewhere_.append(bytes);
    }
    size_ += bytes.size();
    return *this;
  }
  template <std::unsigned_integral Int>
  Key& be(Int value) {
    std::array<char, sizeof(Int)> bytes;
    for (std::size_t i = sizeof(Int); i-- > 0; value = static_cast<Int>(value >> 7 >> 1)) {
      bytes[i] = static_cast<char>(static_cast<unsigned char>(value & 0xFF));
    }
    return append({bytes.data(), bytes.size()});
  }
  Key& text(std::string_view text) {
    return be(static_cast<std::uint32_t>(text.size())).append(text);
  }
  Key& id(const wire::InvocationId& id) {
    return be(id.partition_key).be(id.uuid.high).be(id.uuid.low);
  }

 private:
  static constexpr std::size_t room = 80;
  std::size_t size_ = 0;
  std::array<char, room> here_;
  std::string elsewhere_;  // all of it, when it does not fit here
};

enum class Kind : std::uint8_t {
  partition = 0x01,
  source = 0x03,
  request = 0x04,
  live = 0x10,
  ended = 0x11,
  journal = 0x12,
  lock = 0x13,
  state = 0x14,
  promise = 0x15,
  outbox = 0x20,
  timer = 0x21,
  completed = 0x30,
  kept = 0x31,
  long_kept = 0x32,
};

// Hours since 1970 at which what a bucket holds has surely expired.
using Bucket = std::uint32_t;
Bucket bucket_of(WallTime kept_until);
WallTime end_of(Bucket);  // from here on it may be dropped

// An object or workflow: whose state, promises and lock.
struct ObjectName {
  std::uint64_t partition_key = 0;
  std::string_view service, key;
};
ObjectName object_of(const wire::InvocationId&, const wire::Target&);  // borrows the target

struct Timer {
  WallTime due;
  wire::TimerKind kind = wire::TimerKind::sleep;
  wire::InvocationId id;
  std::uint32_t completion_id = 0;
  friend auto operator<=>(const Timer&, const Timer&) = default;  // the order of their keys
};

Key partition_row_key();
Key source_key(PartitionId);
Key request_key(WallTime first_attempt, wire::Uuid id);
Key live_key(const wire::InvocationId&);
Key ended_key(const wire::InvocationId&);
Key journal_tail_key(const wire::InvocationId&);
Key journal_chunk_key(const wire::InvocationId&, std::uint32_t chunk);
Key lock_key(const ObjectName&);
Key state_key(const ObjectName&, std::string_view state_key);
Key promise_key(const ObjectName&, std::string_view name);
Key outbox_key(std::uint64_t seq);
Key timer_key(const Timer&);
Key completed_key(Bucket, const wire::InvocationId&);
Key kept_key(Bucket, const wire::InvocationId&);
Key long_kept_key(Bucket, const wire::InvocationId&);

KeyRange all_of(Kind);
KeyRange requests_before(WallTime);
KeyRange journal_range(const wire::InvocationId&);  // chunks, then the tail: as written
KeyRange state_range(const ObjectName&);
KeyRange promise_range(const ObjectName&);
KeyRange bucket_range(Kind, Bucket);
KeyRange buckets_through(Kind, Bucket);

// Back from keys that these functions made.
wire::InvocationId id_in_live(std::string_view key);
std::uint64_t seq_in_outbox(std::string_view key);
Timer timer_in(std::string_view key);
struct InBucket {
  Bucket bucket = 0;
  wire::InvocationId id;
};
InBucket in_bucket(std::string_view key);
std::string_view state_key_in(std::string_view key, const ObjectName&);

}  // namespace perdure::tables
