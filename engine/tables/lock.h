// engine/tables/lock.h
//
// The row that makes an object's exclusive handlers take turns: who holds the object
// now, and who waits, in order of admission.
//
//     base u64 │ head u64 │ held u8 │ holder 24 │ since u64 │ item item item …
//                                                     item = kind u8, size u32, bytes
//
// Positions count bytes of items from the row's birth, so an item keeps its position
// while others leave:  base <= position of each item,  head = the first that waits.
// A push appends, a pop moves `head`, a removal changes one byte; the front is cut off
// when it is more than half, so each costs O(1) in bytes however long the queue is.
//
// A waiting item is an invocation (its 24 bytes) or a state patch (an encoded
// wire::PatchState), which takes its turn like a handler.
//
// A row without holder and items is erased; absent reads as free.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/time.h"
#include "engine/wire/ids.h"

namespace perdure::tables {

enum class Waiting : std::uint8_t { removed = 0, invocation = 1, patch = 2 };

struct LockItem {
  Waiting kind = Waiting::removed;
  std::uint64_t position = 0;
  std::string_view bytes;
};

// Looks at a row; an empty one is free.
class LockView {
 public:
  explicit LockView(std::string_view row) : row_(row) {}

  bool held() const;
  std::optional<wire::InvocationId> holder() const;
  bool held_by(const wire::InvocationId&) const;
  WallTime since() const;                // when the holder got it; only if held
  std::optional<LockItem> next() const;  // the first that waits
  // The item after that one; for listings.
  std::optional<LockItem> after(const LockItem&) const;

 private:
  std::optional<LockItem> at_or_after(std::uint64_t position) const;
  std::string_view row_;
};

// Changes a row in place.
class LockEdit {
 public:
  explicit LockEdit(std::string& row);  // an empty row becomes a free lock

  void hold(const wire::InvocationId&, WallTime since);
  void let_go();
  std::uint64_t push(Waiting kind, std::string_view bytes);  // its position
  void pop();                                                // the first that waits
  // False when what waits at that position is not this invocation.
  bool remove(std::uint64_t position, const wire::InvocationId&);
  bool idle() const;  // no holder, nobody waits: erase the row

 private:
  LockView view() const { return LockView(row_); }
  std::string& row_;
};

}  // namespace perdure::tables
