// engine/http/link.h
//
// A connection's byte stream, with its writes gathered: whoever has something to send
// says dirty(), and at the end of the turn all that a connection owes leaves in one
// write.
//
//      serve, call fibers          the Flusher, one fiber          the world
//     ───────────────────►  dirty  ──────────────────────►  write
//      frames, heads, bytes         turn_end(), gather()
//
// The flusher only tries: a write that the world does not take at once goes on in a
// fiber of its own, so a slow reader never holds up the others, and an idle
// connection has neither a fiber for writing nor a buffer.
//
// After our last byte we read on for a while (linger): closing a socket with unread
// bytes resets it, and the answer that was just written would be lost with it.
//
// A link outlives the calls of its fibers: its owner frees it when it is not busy(),
// and is told by Source::settled() that it may look again.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "engine/http/headers.h"
#include "engine/http/waiter.h"
#include "engine/io/clock.h"
#include "engine/io/streams.h"
#include "engine/io/trace.h"

namespace perdure::http {

// Where a link's bytes come from.
class Source {
 public:
  virtual ~Source() = default;
  // Appends what may leave now, about gather_bytes at most.  True: there is more.
  virtual bool gather(std::string& into) = 0;
  // The bytes will never leave.
  virtual void write_broke(const Error&) = 0;
  // The link is not busy any more.
  virtual void settled() = 0;
};

class Link;

class Flusher {
 public:
  Flusher(io::Fibers& fibers, io::Group& group) : fibers_(fibers), group_(group), filled_(fibers) {}
  void add(Link& link);

 private:
  void run();

  io::Fibers& fibers_;
  io::Group& group_;
  Waiter filled_;
  bool running_ = false;
  std::vector<Link*> dirty_, batch_;
  std::string scratch_;
};

// What the parts of this room share; one for each HttpOverStreams.
struct Context {
  io::Streams& streams;
  io::Fibers& fibers;
  io::Clock& clock;
  io::Trace& trace;
  Flusher& flusher;
  DateText& date;
};

class Link {
 public:
  // Writers run in `group`; a write that makes no progress for `stall` ends the link.
  Link(Context& context, io::Group& group, std::unique_ptr<io::Stream> stream, Duration stall);

  // Until the first bytes are known nobody owns the link; then it gets its source.
  void feed_from(Source& source) { source_ = &source; }

  // The next bytes, valid until the next read; "" when the other side is done.
  // Errors: timed_out, cancelled, failed.
  Result<std::string_view> read(Instant deadline);
  void dirty();
  // Says that we are done, once all has left that the source has now.
  void finish();
  // We are about to stop: who has our last byte is not waited for much longer.
  void hurry();
  void reset();
  bool finished() const { return finished_; }  // our last byte has left
  bool broken() const { return broken_; }
  bool blocked() const { return writer_; }  // the other side does not take our bytes
  bool busy() const { return queued_ || writing_ || lingering_; }
  const std::string& peer() const { return peer_; }

 private:
  friend class Flusher;
  void flush(std::string& scratch);
  // How many bytes of it left; all of them, unless the deadline passed.
  Result<std::size_t> write_all(std::string_view bytes, Instant deadline);
  void continue_in_own_fiber(std::string_view rest);
  void write_on();
  void leave_off();  // nothing to write, for now
  void break_off(const Error& error);
  void wait_for_the_other_side();
  void read_is_over();

  Context& context_;
  io::Group& group_;
  const std::unique_ptr<io::Stream> stream_;
  const Duration stall_;
  const Duration linger_;
  const std::string peer_;
  Source* source_ = nullptr;
  std::unique_ptr<std::byte[]> buffer_;
  std::size_t buffer_bytes_ = 0;
  std::string rest_;  // what a writer fiber still has to write
  bool queued_ = false, writing_ = false, writer_ = false, again_ = false;
  Waiter lingerer_;
  bool read_over_ = false, lingering_ = false, hurried_ = false;
  bool finishing_ = false, finished_ = false, broken_ = false;
};

}  // namespace perdure::http
