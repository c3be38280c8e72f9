// engine/http/body.h
//
// The two ends of a body inside this process:
//
//     the wire ──► Inbox ──► one fiber that reads        add, end, break_off ⇒ take
//     one fiber that writes ──► Outbox ──► the wire      write, end ⇒ front, drop
//
// Both are bounded: an inbox by who fills it (flow control windows, or a reader that
// stops reading), an outbox by parking the writer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "engine/base/result.h"
#include "engine/http/waiter.h"

namespace perdure::http {

class Inbox {
 public:
  explicit Inbox(io::Fibers& fibers) : filled_(fibers) {}

  void add(std::string_view bytes) {
    bytes_.append(bytes);
    filled_.wake();
  }
  void end() {
    ended_ = true;
    filled_.wake();
  }
  // What arrived before is still handed out.  The first reason stays.
  void break_off(Error error) {
    if (ended_ || broken_) return;
    broken_ = std::move(error);
    filled_.wake();
  }

  // All that is there; "" at the end.
  Result<std::string> take(Instant deadline) {
    while (bytes_.empty()) {
      if (ended_) return std::string();
      if (broken_) return std::unexpected(*broken_);
      TRY_VOID(filled_.wait(deadline));
    }
    return std::exchange(bytes_, std::string());
  }
  // Parks until something changes.
  Result<void> wait(Instant deadline) { return filled_.wait(deadline); }
  // For who fills it in place: bytes(), then wake().
  std::string& bytes() { return bytes_; }
  void wake() { filled_.wake(); }

  std::size_t size() const { return bytes_.size(); }
  bool ended() const { return ended_; }
  bool over() const { return ended_ || broken_; }
  const std::optional<Error>& broken() const { return broken_; }
  // Throws away what nobody will read; returns how much it was.
  std::size_t discard() { return std::exchange(bytes_, std::string()).size(); }
  void reuse() {
    bytes_.clear();
    ended_ = false;
    broken_.reset();
  }

 private:
  Waiter filled_;
  std::string bytes_;
  bool ended_ = false;
  std::optional<Error> broken_;
};

class Outbox {
 public:
  explicit Outbox(io::Fibers& fibers) : drained_(fibers) {}

  // Takes as much as there is room for, without parking.  The rest is the caller's.
  std::string_view take_some(std::string_view bytes, std::size_t limit) {
    const std::size_t room = limit - std::min(limit, size());
    bytes_.append(bytes.substr(0, room));
    return bytes.substr(std::min(room, bytes.size()));
  }
  // The whole body at once.
  void fill(std::string bytes) {
    bytes_ = std::move(bytes);
    at_ = 0;
    ended_ = true;
  }
  Result<void> wait_for_room(Instant deadline) { return drained_.wait(deadline); }
  void end() { ended_ = true; }
  void break_off(Error error) {
    if (!broken_) broken_ = std::move(error);
    std::string().swap(bytes_);
    at_ = 0;
    drained_.wake();
  }

  std::string_view front() const { return std::string_view(bytes_).substr(at_); }
  void drop(std::size_t count) {
    at_ += count;
    if (at_ == bytes_.size()) {
      bytes_.clear();
      at_ = 0;
    } else if (at_ > 64 * 1024 && at_ * 2 > bytes_.size() && !ended_) {
      bytes_.erase(0, at_);
      at_ = 0;
    }
    drained_.wake();
  }

  std::size_t size() const { return bytes_.size() - at_; }
  bool ended() const { return ended_; }
  const std::optional<Error>& broken() const { return broken_; }
  void reuse() {
    if (bytes_.capacity() > 4096) std::string().swap(bytes_);
    bytes_.clear();
    at_ = 0;
    ended_ = false;
    broken_.reset();
  }

 private:
  Waiter drained_;
  std::string bytes_;
  std::size_t at_ = 0;  // before it: gone already
  bool ended_ = false;
  std::optional<Error> broken_;
};

}  // namespace perdure::http
