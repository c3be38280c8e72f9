// engine/http/h2_connection.h
//
// One HTTP/2 connection, what server and client have in common: frames in and out
// (nghttp2, which does no I/O), streams and their bodies, flow control, the end.
//
//      reader fiber ─ receive() ─► nghttp2 ─► head_begins, header, head_ends, closed
//                                          └► Stream::in ─► read() of its fiber
//      write() of its fiber ─► Stream::out ─► nghttp2 ─ gather() ─► Link
//
// Windows move only when a body's reader has taken the bytes, so what a connection
// holds unread is at most its connection window, and a stream at most its own.
//
// A stream lives until nghttp2 has closed it and whoever uses it has let go of it;
// a connection until its reader has ended, its streams are gone and its link rests.
// Then it tells its owner, who destroys it.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/http/body.h"
#include "engine/http/limits.h"
#include "engine/http/link.h"

struct nghttp2_session;

namespace perdure::http {

enum class H2Error : std::uint32_t {  // RFC 9113 section 7
  no_error = 0,
  protocol_error = 1,
  internal_error = 2,
  flow_control_error = 3,
  settings_timeout = 4,
  stream_closed = 5,
  frame_size_error = 6,
  refused_stream = 7,
  cancel = 8,
  compression_error = 9,
  connect_error = 10,
  enhance_your_calm = 11,
};
std::string_view name_of(H2Error);

class H2Stream {
 public:
  explicit H2Stream(io::Fibers& fibers) : in(fibers), out(fibers) {}
  virtual ~H2Stream() = default;

  Inbox in;
  Outbox out;
  std::int32_t id = 0;
  std::size_t place = 0;       // in the connection's list
  std::size_t head_bytes = 0;  // of the head that is coming in
  bool head_too_large = false;
  bool head_over = false;     // the head that counts is complete: what follows is trailers
  bool in_discarded = false;  // nobody will read: bytes go at once
  bool out_over = false;      // our END_STREAM has left
  bool closed = false;        // nghttp2 has forgotten it
  bool held = false;          // a fiber or a call uses it
};

struct H2Settings {
  bool server = false;
  std::size_t head_bytes = 0;
  std::size_t stream_window_bytes = 0;
  std::size_t connection_window_bytes = 0;
  std::uint32_t streams = 0;  // that the other side may open
};

class H2Connection : public Source {
 public:
  // `over` is called once, last of all; it may destroy the connection.
  H2Connection(Context& context, std::unique_ptr<Link> link, H2Settings settings,
               std::move_only_function<void()> over);
  ~H2Connection() override;
  H2Connection(const H2Connection&) = delete;
  H2Connection& operator=(const H2Connection&) = delete;

  // The reader's fiber, from the first bytes to the end.
  void run(std::string_view first_bytes);
  // No new streams from now on; ends when those there are have ended.
  void say_goodbye();
  // Breaks all streams and the link.
  void break_all(const Error& error);
  std::size_t streams() const { return streams_.size(); }

  // Source
  bool gather(std::string& into) override;
  void write_broke(const Error& error) override;
  void settled() override;

 protected:
  struct Field {
    std::string_view name, value;  // live until the stream is closed
  };

  // What the sides do differently.
  virtual H2Stream* head_begins(std::int32_t id) = 0;  // a request's; nullptr: refuse it
  virtual void header(H2Stream& stream, std::string_view name, std::string_view value) = 0;
  virtual void head_ends(H2Stream& stream) = 0;
  // The stream will neither bring nor take more; `why` when that is an error.
  virtual void stream_ends(H2Stream& stream, const Error* why) = 0;
  virtual void answer_left(H2Stream&) {}  // our END_STREAM is on its way
  virtual void before_gather() {}
  virtual Instant next_deadline() = 0;
  virtual void deadline_passed() = 0;
  virtual void heard() {}

  void submit_response(H2Stream& stream, std::span<const Field> fields, bool body);
  bool submit_request(H2Stream& stream, std::span<const Field> fields, bool body);
  void submit_continue(H2Stream& stream);
  void submit_ping();
  void submit_reset(H2Stream& stream, H2Error error);
  void body_grew(H2Stream& stream);                      // of Stream::out, or it ended
  void body_taken(H2Stream& stream, std::size_t count);  // from Stream::in
  void discard_body(H2Stream& stream);
  void terminate(H2Error error);  // GOAWAY, then the end
  void dirty_if_wanted();

  H2Stream& add(std::unique_ptr<H2Stream> stream);
  void remove_if_done(H2Stream& stream);  // it may be gone afterwards
  void check_over();                      // this may be gone afterwards
  bool over() const { return over_; }
  bool saying_goodbye() const { return goodbye_; }
  bool accepts_streams() const;                       // a client's: the server has not said goodbye
  std::uint32_t streams_allowed() const;              // by the other side
  Instant head_begun() const { return head_begun_; }  // never: no head is half here

  Context& context_;
  const std::unique_ptr<Link> link_;
  const H2Settings settings_;
  std::vector<std::unique_ptr<H2Stream>> streams_;
  std::vector<Field> fields_;  // room for a head that is being built
  Instant idle_since_;         // the last stream's end
  bool reader_done_ = false;

 private:
  friend struct H2Callbacks;
  void open_session();
  void receive(std::string_view bytes);
  void other_side_left();
  bool note_frame(std::uint8_t type, std::int32_t id, std::size_t length, std::uint8_t flags);
  bool is_misplaced(std::uint8_t type, std::int32_t id);
  void note_reset(std::int32_t id);
  void note_ended_by_peer(std::int32_t id);
  void note_session_end();
  void close_stream(H2Stream& stream, std::uint32_t error);
  bool add_to_head(H2Stream& stream, std::string_view name, std::string_view value);

  std::move_only_function<void()> tell_over_;
  nghttp2_session* session_ = nullptr;
  std::string* gathering_ = nullptr;
  std::vector<std::byte> native_fields_;
  Instant head_begun_ = io::never;
  Allowance chatter_{2000, 100};                  // frames that bring nothing
  Allowance resets_{1000, 33};                    // streams that the other side took back
  std::uint64_t requests_ = 0;                    // since they were last counted
  int continuations_ = 0;                         // of the head that is coming in
  std::int32_t newest_ = 0;                       // stream that the other side opened
  std::array<std::int32_t, 16> ended_by_peer_{};  // lately: it may not come back to them
  std::array<std::int32_t, 16> skipped_{};        // lately: lower than newest_, never opened
  std::size_t ended_count_ = 0, skipped_count_ = 0;
  bool paused_ = false;      // gather stopped at its limit
  bool over_ = false;        // nghttp2 wants no more: nothing is asked of it any longer
  bool goodbye_ = false;     // GOAWAY went out or came in
  bool deaf_ = false;        // what came was beyond parsing: nothing more is parsed
  bool input_over_ = false;  // a server's: the client has gone
};

}  // namespace perdure::http
