#include "net/random/random.h"

#include <sys/random.h>

#include <utility>

namespace perdure::net {
namespace {

void fill(std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ::ssize_t count = ::getrandom(bytes.data(), bytes.size(), 0);
    if (count > 0) bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

}  // namespace

std::uint64_t KernelRandom::draw(std::string_view) {
  if (next_ == drawn_.size()) {
    fill(std::as_writable_bytes(std::span(drawn_)));
    next_ = 0;
  }
  return std::exchange(drawn_[next_++], 0);  // what was drawn is not kept
}

}  // namespace perdure::net
