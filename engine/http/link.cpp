#include "engine/http/link.h"

#include <algorithm>
#include <utility>

#include "engine/base/bytes.h"
#include "engine/http/limits.h"

namespace perdure::http {
namespace {

constexpr std::size_t read_bytes_first = 4 * 1024;
constexpr std::size_t read_bytes_max = 64 * 1024;
constexpr int rounds_per_turn = 4;  // of gather and write, so that others get their share

}  // namespace

// --- the flusher ---

void Flusher::add(Link& link) {
  dirty_.push_back(&link);
  if (running_) return filled_.wake();
  running_ = true;
  group_.start("http.flush", [this] { run(); });
}

void Flusher::run() {
  while (true) {
    while (dirty_.empty()) {
      if (!filled_.wait(io::never)) {
        running_ = false;
        return;
      }
    }
    fibers_.turn_end();
    batch_.swap(dirty_);
    for (std::size_t i = 0; i < batch_.size(); ++i) batch_[i]->flush(scratch_);
    batch_.clear();
    if (scratch_.capacity() > 4 * gather_bytes) std::string().swap(scratch_);
  }
}

// --- the link ---

Link::Link(Context& context, io::Group& group, std::unique_ptr<io::Stream> stream, Duration stall)
    : context_(context),
      group_(group),
      stream_(std::move(stream)),
      stall_(stall),
      linger_(std::min(linger, stall)),
      peer_(stream_->peer()),
      lingerer_(context.fibers) {}

Result<std::string_view> Link::read(Instant deadline) {
  if (broken_) return fail(Code::failed, "connection is broken");
  if (buffer_ == nullptr) {
    buffer_bytes_ = read_bytes_first;
    buffer_ = std::make_unique_for_overwrite<std::byte[]>(buffer_bytes_);
  }
  const auto got_or_error = stream_->read(std::span(buffer_.get(), buffer_bytes_), deadline);
  if (!got_or_error) {
    if (got_or_error.error().code != Code::timed_out) read_is_over();
    return std::unexpected(got_or_error.error());
  }
  const std::size_t got = *got_or_error;
  if (got == 0) read_is_over();
  const std::string_view bytes(reinterpret_cast<const char*>(buffer_.get()), got);
  if (got < buffer_bytes_ || buffer_bytes_ == read_bytes_max) return bytes;
  // A full buffer says that more is waiting: the next read gets a larger one.
  auto larger = std::make_unique_for_overwrite<std::byte[]>(buffer_bytes_ * 4);
  std::copy_n(buffer_.get(), got, larger.get());
  buffer_ = std::move(larger);
  buffer_bytes_ *= 4;
  return std::string_view(reinterpret_cast<const char*>(buffer_.get()), got);
}

void Link::dirty() {
  again_ = true;  // for whoever is writing just now
  if (queued_ || writing_ || broken_ || finished_) return;
  queued_ = true;
  context_.flusher.add(*this);
}

void Link::finish() {
  finishing_ = true;
  dirty();
}

void Link::reset() {
  if (broken_) return;
  broken_ = true;
  stream_->reset();
}

Result<std::size_t> Link::write_all(std::string_view bytes, Instant deadline) {
  std::size_t written = 0;
  while (written < bytes.size()) {
    const auto some = stream_->write(as_bytes(bytes.substr(written)), deadline);
    if (!some && some.error().code == Code::timed_out) return written;
    if (!some) return std::unexpected(some.error());
    written += *some;
  }
  return written;
}

void Link::flush(std::string& scratch) {
  queued_ = false;
  writing_ = true;
  bool more = true;
  for (int round = 0; more && !broken_ && round < rounds_per_turn; ++round) {
    scratch.clear();
    again_ = false;
    more = source_->gather(scratch);
    if (scratch.empty()) break;
    const auto written = write_all(scratch, context_.fibers.now());
    if (!written) {
      break_off(written.error());
    } else if (*written < scratch.size()) {
      return continue_in_own_fiber(std::string_view(scratch).substr(*written));
    }
    more = more || again_;
  }
  writing_ = false;
  if (more && !broken_) return dirty();
  leave_off();
}

void Link::continue_in_own_fiber(std::string_view rest) {
  if (group_.cancelled()) {
    break_off({Code::cancelled, "connection is being closed"});
    writing_ = false;
    return leave_off();
  }
  rest_.assign(rest);
  writer_ = true;
  group_.start("http.write", [this] { write_on(); });
}

void Link::write_on() {
  while (!broken_ && !rest_.empty()) {
    const auto written = write_all(rest_, context_.fibers.now() + stall_);
    if (!written) {
      break_off(written.error());
    } else if (*written == 0) {
      break_off({Code::timed_out, "the other side takes no bytes"});
    } else if (*written < rest_.size()) {
      rest_.erase(0, *written);
    } else {
      rest_.clear();
      source_->gather(rest_);
    }
  }
  std::string().swap(rest_);
  writing_ = writer_ = false;
  leave_off();
}

void Link::leave_off() {
  if (finishing_ && !finished_ && !broken_) {
    finished_ = true;
    stream_->finish();
    if (!read_over_ && !group_.cancelled()) {
      lingering_ = true;
      group_.start("http.linger", [this] { wait_for_the_other_side(); });
    }
  }
  source_->settled();  // may destroy this
}

void Link::hurry() {
  hurried_ = true;
  lingerer_.wake();
}

void Link::wait_for_the_other_side() {
  Instant until = context_.fibers.now() + linger_;
  bool arrived = false;
  while (!read_over_ && context_.fibers.now() < until) {
    const Instant now = context_.fibers.now();
    if (hurried_ && !arrived && stream_->arrived()) {
      arrived = true;
      until = std::min(until, now + linger_when_arrived);
    }
    const bool look_again = hurried_ && !arrived;
    const auto woken = lingerer_.wait(look_again ? std::min(until, now + look_for_arrival) : until);
    if (!woken && woken.error().code == Code::cancelled) break;
  }
  if (!read_over_) reset();
  lingering_ = false;
  source_->settled();
}

void Link::read_is_over() {
  read_over_ = true;
  lingerer_.wake();
}

void Link::break_off(const Error& error) {
  reset();
  source_->write_broke(error);
}

}  // namespace perdure::http
