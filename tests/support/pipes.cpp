#include "tests/support/pipes.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <utility>

namespace perdure::test {

struct Pipes::Pipe {
  Pipe(io::Fibers& fibers, std::size_t limit) : readable(fibers), writable(fibers), room(limit) {}

  std::string bytes;
  std::size_t at = 0;
  io::Event readable, writable;
  std::size_t room;
  bool finished = false;

  std::size_t size() const { return bytes.size() - at; }
};

struct Pipes::Line {
  Line(io::Fibers& fibers, std::size_t limit) : pipes{{fibers, limit}, {fibers, limit}} {}
  Pipe pipes[2];
  bool broken = false;

  void reset() {
    broken = true;
    for (Pipe& pipe : pipes) {
      pipe.readable.notify_all();
      pipe.writable.notify_all();
    }
  }
};

struct Pipes::Accepting {
  explicit Accepting(io::Fibers& fibers) : came(fibers) {}
  std::deque<std::unique_ptr<io::Stream>> waiting;
  io::Event came;
  std::string address;
};

class PipeStream final : public io::Stream {
 public:
  PipeStream(Pipes& world, std::shared_ptr<Pipes::Line> line, int side, std::string peer)
      : world_(world),
        line_(std::move(line)),
        in_(line_->pipes[side]),
        out_(line_->pipes[1 - side]),
        peer_(std::move(peer)) {}
  ~PipeStream() override {
    if (!read_to_end_ || !out_.finished) reset();
  }
  PipeStream(const PipeStream&) = delete;
  PipeStream& operator=(const PipeStream&) = delete;

  Result<std::size_t> read(std::span<std::byte> into, Instant deadline) override {
    while (in_.size() == 0 && !line_->broken && !in_.finished) {
      TRY_VOID(in_.readable.wait(deadline));
    }
    if (line_->broken) return fail(Code::failed, "connection was reset");
    if (in_.size() == 0) {
      read_to_end_ = true;
      return std::size_t{0};
    }
    std::size_t count = std::min(into.size(), in_.size());
    if (world_.cut) count = std::min(count, world_.cut(count));
    std::memcpy(into.data(), in_.bytes.data() + in_.at, count);
    in_.at += count;
    if (in_.at == in_.bytes.size()) in_.bytes.clear(), in_.at = 0;
    in_.writable.notify_all();
    return count;
  }

  Result<std::size_t> write(std::span<const std::byte> bytes, Instant deadline) override {
    while (out_.size() >= out_.room && !line_->broken) TRY_VOID(out_.writable.wait(deadline));
    if (line_->broken) return fail(Code::failed, "connection was reset");
    const std::size_t count = std::min(bytes.size(), out_.room - out_.size());
    out_.bytes.append(reinterpret_cast<const char*>(bytes.data()), count);
    out_.readable.notify_all();
    return count;
  }

  void finish() override {
    out_.finished = true;
    out_.readable.notify_all();
  }
  void reset() override { line_->reset(); }
  bool arrived() const override { return !world_.far || out_.size() == 0; }
  std::string peer() const override { return peer_; }

 private:
  Pipes& world_;
  std::shared_ptr<Pipes::Line> line_;
  Pipes::Pipe& in_;
  Pipes::Pipe& out_;
  const std::string peer_;
  bool read_to_end_ = false;
};

class PipeListener final : public io::Listener {
 public:
  explicit PipeListener(std::shared_ptr<Pipes::Accepting> accepting)
      : accepting_(std::move(accepting)) {}

  Result<std::unique_ptr<io::Stream>> accept(Instant deadline) override {
    while (accepting_->waiting.empty()) TRY_VOID(accepting_->came.wait(deadline));
    auto stream = std::move(accepting_->waiting.front());
    accepting_->waiting.pop_front();
    return stream;
  }
  std::string address() const override { return accepting_->address; }

 private:
  std::shared_ptr<Pipes::Accepting> accepting_;
};

Result<std::unique_ptr<io::Listener>> Pipes::listen(std::string_view address) {
  std::string bound(address);
  if (bound.ends_with(":0")) bound = bound.substr(0, bound.size() - 1) + std::to_string(++ports_);
  auto& slot = listening_[bound];
  if (!slot.expired()) return fail(Code::conflict, "somebody listens there");
  auto accepting = std::make_shared<Accepting>(fibers_);
  accepting->address = bound;
  slot = accepting;
  return std::make_unique<PipeListener>(std::move(accepting));
}

Result<std::unique_ptr<io::Stream>> Pipes::connect(std::string_view address, Instant deadline) {
  ++connects;
  if (unreachable) {
    TRY_VOID(fibers_.sleep_until(deadline));
    return fail(Code::timed_out, "nobody answers");
  }
  const auto found = listening_.find(address);
  const auto accepting = found == listening_.end() ? nullptr : found->second.lock();
  if (accepting == nullptr) return fail(Code::failed, "connection refused");
  auto line = std::make_shared<Line>(fibers_, buffer_bytes);
  std::erase_if(lines_, [](const auto& old) { return old.expired(); });
  lines_.push_back(line);
  accepting->waiting.push_back(std::make_unique<PipeStream>(*this, line, 0, "client"));
  accepting->came.notify_one();
  return std::make_unique<PipeStream>(*this, line, 1, std::string(address));
}

void Pipes::break_all() {
  for (const auto& line : lines_) {
    if (const auto alive = line.lock()) alive->reset();
  }
}

}  // namespace perdure::test
