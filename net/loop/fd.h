// net/loop/fd.h
//
// The one owner of a file descriptor.
#pragma once

#include <unistd.h>

#include <utility>

namespace perdure::net {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int raw) : raw_(raw) {}
  ~Fd() { close(); }
  Fd(Fd&& other) noexcept : raw_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    close();
    raw_ = other.release();
    return *this;
  }

  int get() const { return raw_; }
  bool open() const { return raw_ >= 0; }
  int release() { return std::exchange(raw_, -1); }
  void close() {
    if (open()) ::close(release());
  }

 private:
  int raw_ = -1;
};

}  // namespace perdure::net
