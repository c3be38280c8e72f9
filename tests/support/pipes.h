// tests/support/pipes.h
//
// io::Streams inside one thread's memory, for unit tests: what one end writes the other
// reads, through a bounded buffer.  The test decides how the bytes are cut, and may
// break a connection.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/fibers.h"
#include "engine/io/streams.h"

namespace perdure::test {

class Pipes final : public io::Streams {
 public:
  explicit Pipes(io::Fibers& fibers) : fibers_(fibers) {}

  Result<std::unique_ptr<io::Listener>> listen(std::string_view address) override;
  Result<std::unique_ptr<io::Stream>> connect(std::string_view address, Instant deadline) override;

  // How many bytes a read that could have `available` gets: 1 <= result.
  std::function<std::size_t(std::size_t available)> cut;
  std::size_t buffer_bytes = 256 * 1024;  // of pipes made from now on; one direction
  // Resets all connections there are.
  void break_all();
  // Nobody answers at any address.
  bool far = false;  // bytes have arrived when they are read, not before
  bool unreachable = false;
  std::size_t connects = 0;

  struct Pipe;
  struct Line;  // one connection: two pipes
  struct Accepting;

 private:
  friend class PipeStream;
  friend class PipeListener;
  io::Fibers& fibers_;
  std::map<std::string, std::weak_ptr<Accepting>, std::less<>> listening_;
  std::vector<std::weak_ptr<Line>> lines_;
  int ports_ = 40'000;
};

}  // namespace perdure::test
