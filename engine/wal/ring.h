// engine/wal/ring.h
//
// A queue that can be indexed, in one piece of memory that only grows while it must:
// in steady state pushing and popping allocate nothing, which std::deque cannot say.
//
//     places  [ . . c d e f . . ]      front is c, [0] is c, [3] is f
//
// When it runs empty after a burst its memory is given back.
#pragma once

#include <bit>
#include <cstddef>
#include <utility>
#include <vector>

#include "engine/base/check.h"

namespace perdure::wal {

template <class T>
class Ring {
 public:
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }

  T& operator[](std::size_t i) { return CHECK(i < size_), places_[place(i)]; }
  const T& operator[](std::size_t i) const { return CHECK(i < size_), places_[place(i)]; }
  T& front() { return (*this)[0]; }
  const T& front() const { return (*this)[0]; }
  T& back() { return (*this)[size_ - 1]; }
  const T& back() const { return (*this)[size_ - 1]; }

  void push_back(T item) {
    make_room();
    places_[place(size_)] = std::move(item);
    ++size_;
  }
  void push_front(T item) {
    make_room();
    first_ = (first_ + places_.size() - 1) & (places_.size() - 1);
    places_[first_] = std::move(item);
    ++size_;
  }
  void pop_front() {
    CHECK(size_ > 0);
    places_[first_] = T();
    first_ = (first_ + 1) & (places_.size() - 1);
    if (--size_ == 0 && places_.size() > kept_when_empty) clear();
  }
  void clear() {
    places_ = std::vector<T>();
    first_ = size_ = 0;
  }

 private:
  static constexpr std::size_t kept_when_empty = 1024;  // items

  std::size_t place(std::size_t i) const { return (first_ + i) & (places_.size() - 1); }
  void make_room() {
    if (size_ < places_.size()) return;
    std::vector<T> larger(std::bit_ceil(size_ + 8));
    for (std::size_t i = 0; i < size_; ++i) larger[i] = std::move(places_[place(i)]);
    places_ = std::move(larger);
    first_ = 0;
  }

  std::vector<T> places_;  // as many as a power of two
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

}  // namespace perdure::wal
