#include "engine/http/h2_connection.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstring>
#include <limits>

namespace perdure::http {
namespace {

constexpr int continuations_max = 16;  // frames of one head

std::string_view view(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

nghttp2_nv native(std::string_view name, std::string_view value) {
  // nghttp2 only reads them.
  auto* const name_bytes = reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data()));
  auto* const value_bytes = reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data()));
  return {.name = name_bytes,
          .value = value_bytes,
          .namelen = name.size(),
          .valuelen = value.size(),
          .flags = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE};
}

Error reset_error(std::uint32_t code) {
  const auto error = static_cast<H2Error>(code);
  if (error == H2Error::refused_stream)
    return {Code::retry_later, "the other side refused the stream"};
  return {Code::failed, "stream was reset: " + std::string(name_of(error))};
}

}  // namespace

std::string_view name_of(H2Error error) {
  switch (error) {
    case H2Error::no_error: return "no_error";
    case H2Error::protocol_error: return "protocol_error";
    case H2Error::internal_error: return "internal_error";
    case H2Error::flow_control_error: return "flow_control_error";
    case H2Error::settings_timeout: return "settings_timeout";
    case H2Error::stream_closed: return "stream_closed";
    case H2Error::frame_size_error: return "frame_size_error";
    case H2Error::refused_stream: return "refused_stream";
    case H2Error::cancel: return "cancel";
    case H2Error::compression_error: return "compression_error";
    case H2Error::connect_error: return "connect_error";
    case H2Error::enhance_your_calm: return "enhance_your_calm";
  }
  return "unknown_error";
}

// --- what nghttp2 calls ---

struct H2Callbacks {
  static H2Connection& connection(void* user) { return *static_cast<H2Connection*>(user); }
  static H2Stream* stream(nghttp2_session* session, std::int32_t id) {
    return static_cast<H2Stream*>(nghttp2_session_get_stream_user_data(session, id));
  }

  static int begin_frame(nghttp2_session*, const nghttp2_frame_hd* frame, void* user) {
    const bool tolerable =
        connection(user).note_frame(frame->type, frame->stream_id, frame->length, frame->flags);
    return tolerable ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
  }

  static int begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    H2Stream* const opened = connection(user).head_begins(frame->hd.stream_id);
    if (opened == nullptr) {
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                                NGHTTP2_REFUSED_STREAM);
      return 0;  // its headers are still decoded, and dropped
    }
    nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, opened);
    return 0;
  }

  static int header(nghttp2_session* session, const nghttp2_frame* frame, const std::uint8_t* name,
                    std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                    std::uint8_t, void* user) {
    H2Stream* const found = stream(session, frame->hd.stream_id);
    if (found == nullptr || found->head_over) return 0;
    const bool tolerable =
        connection(user).add_to_head(*found, view(name, name_size), view(value, value_size));
    return tolerable ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
  }

  static int frame_recv(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    H2Connection& self = connection(user);
    if (frame->hd.type == NGHTTP2_RST_STREAM) self.note_reset(frame->hd.stream_id);
    if (frame->hd.type == NGHTTP2_GOAWAY) self.goodbye_ = true;
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    if (frame->hd.type == NGHTTP2_HEADERS) self.head_begun_ = io::never;
    H2Stream* const found = stream(session, frame->hd.stream_id);
    if (found == nullptr) return 0;
    if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) found->in.end();
    if (frame->hd.type == NGHTTP2_HEADERS && !found->head_over) self.head_ends(*found);
    return 0;
  }

  static int data_chunk(nghttp2_session* session, std::uint8_t, std::int32_t id,
                        const std::uint8_t* bytes, std::size_t size, void*) {
    H2Stream* const found = stream(session, id);
    if (found == nullptr || found->in_discarded) return nghttp2_session_consume(session, id, size);
    found->in.add(view(bytes, size));
    return 0;
  }

  static int stream_close(nghttp2_session* session, std::int32_t id, std::uint32_t error,
                          void* user) {
    if (H2Stream* const found = stream(session, id)) connection(user).close_stream(*found, error);
    return 0;
  }

  static int frame_send(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
    H2Stream* const found = stream(session, frame->hd.stream_id);
    if (found == nullptr) return 0;
    found->out_over = true;
    connection(user).answer_left(*found);
    return 0;
  }

  static ssize_t body_read(nghttp2_session*, std::int32_t, std::uint8_t*, std::size_t length,
                           std::uint32_t* flags, nghttp2_data_source* source, void*) {
    H2Stream& stream = *static_cast<H2Stream*>(source->ptr);
    const std::size_t count = std::min(length, stream.out.size());
    if (count == 0 && !stream.out.ended()) return NGHTTP2_ERR_DEFERRED;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (stream.out.ended() && count == stream.out.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(count);
  }

  // The frame goes straight from the body to the buffer that is written.
  static int send_data(nghttp2_session*, nghttp2_frame*, const std::uint8_t* head,
                       std::size_t length, nghttp2_data_source* source, void* user) {
    H2Connection& self = connection(user);
    H2Stream& stream = *static_cast<H2Stream*>(source->ptr);
    self.gathering_->append(view(head, 9)).append(stream.out.front().substr(0, length));
    stream.out.drop(length);
    if (self.gathering_->size() < gather_bytes) return 0;
    self.paused_ = true;
    return NGHTTP2_ERR_PAUSE;
  }
};

// --- life ---

H2Connection::H2Connection(Context& context, std::unique_ptr<Link> link, H2Settings settings,
                           std::move_only_function<void()> over)
    : context_(context),
      link_(std::move(link)),
      settings_(settings),
      idle_since_(context.fibers.now()),
      tell_over_(std::move(over)) {
  link_->feed_from(*this);
  open_session();
}

H2Connection::~H2Connection() { nghttp2_session_del(session_); }

void H2Connection::open_session() {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_option* option = nullptr;
  CHECK(nghttp2_session_callbacks_new(&callbacks) == 0);
  CHECK(nghttp2_option_new(&option) == 0);
  nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, H2Callbacks::begin_frame);
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, H2Callbacks::begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, H2Callbacks::header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, H2Callbacks::frame_recv);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, H2Callbacks::data_chunk);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, H2Callbacks::stream_close);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, H2Callbacks::frame_send);
  nghttp2_session_callbacks_set_send_data_callback(callbacks, H2Callbacks::send_data);
  nghttp2_option_set_no_closed_streams(option, 1);
  nghttp2_option_set_no_auto_window_update(option, 1);
  // The library's own guard against rapid resets asks the machine for the time, which
  // no code of ours may; resets_ does the same by the Clock we were given.
  constexpr std::uint64_t without_limit = std::numeric_limits<std::uint64_t>::max() / 2;
  nghttp2_option_set_stream_reset_rate_limit(option, without_limit, 1);
  // Its guard against CONTINUATION floods counts reads, not frames, so that a head which
  // comes byte by byte is taken for one; note_frame() counts frames.
  nghttp2_option_set_max_continuations(option, without_limit);
  CHECK((settings_.server ? nghttp2_session_server_new2(&session_, callbacks, this, option)
                          : nghttp2_session_client_new2(&session_, callbacks, this, option)) == 0);
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);

  constexpr std::size_t window_max = std::numeric_limits<std::int32_t>::max();
  const auto stream_window =
      static_cast<std::uint32_t>(std::min(settings_.stream_window_bytes, window_max));
  std::vector<nghttp2_settings_entry> entries = {
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, stream_window},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(settings_.head_bytes)},
  };
  if (settings_.server) {
    entries.push_back({NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, settings_.streams});
    entries.push_back({NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1});
  } else {
    entries.push_back({NGHTTP2_SETTINGS_ENABLE_PUSH, 0});
  }
  CHECK(nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, entries.data(), entries.size()) == 0);
  const auto window =
      static_cast<std::int32_t>(std::min(settings_.connection_window_bytes, window_max));
  CHECK(nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, window) == 0);
}

void H2Connection::run(std::string_view first_bytes) {
  link_->dirty();  // our SETTINGS
  if (!first_bytes.empty()) receive(first_bytes);
  while (true) {
    const Instant deadline = over_ ? io::never : next_deadline();
    const auto bytes = link_->read(deadline);
    if (!bytes && bytes.error().code == Code::timed_out) {
      if (!over_) deadline_passed();
      continue;
    }
    if (!bytes) {
      break_all(bytes.error());
      break;
    }
    if (bytes->empty()) {
      other_side_left();
      break;
    }
    if (over_ || deaf_) continue;  // reading on, so that our last bytes are not lost by a reset
    heard();
    receive(*bytes);
  }
  reader_done_ = true;
  check_over();
}

// It can hear us still, but nobody there waits for an answer any more.
void H2Connection::other_side_left() {
  const Error gone{Code::failed, "the other side closed the connection"};
  if (!settings_.server) return break_all(gone);
  input_over_ = true;
  for (const auto& stream : streams_) {
    if (stream->closed) continue;
    stream->in.break_off(gone);
    stream_ends(*stream, &gone);
  }
  link_->dirty();
}

void H2Connection::receive(std::string_view bytes) {
  const ssize_t taken = nghttp2_session_mem_recv(
      session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  if (taken < 0) {
    const bool flood = taken == NGHTTP2_ERR_FLOODED || taken == NGHTTP2_ERR_CALLBACK_FAILURE;
    context_.trace.count(flood ? "http.floods" : "http.malformed");
    context_.trace.event(
        io::Level::debug, "http.connection.refused",
        {{"peer", link_->peer()}, {"why", nghttp2_strerror(static_cast<int>(taken))}});
    deaf_ = true;
    terminate(flood ? H2Error::enhance_your_calm : H2Error::protocol_error);
  } else if (nghttp2_session_get_outbound_queue_size(session_) > settings_.streams * 2UL + 4000) {
    context_.trace.count("http.floods");  // it asks, and does not take the answers
    terminate(H2Error::enhance_your_calm);
  }
  if (requests_ > 0) context_.trace.count("http.requests", std::exchange(requests_, 0));
  note_session_end();
  dirty_if_wanted();
}

bool H2Connection::gather(std::string& into) {
  if (over_) return false;
  before_gather();
  gathering_ = &into;
  paused_ = false;
  bool more = true;
  while (into.size() < gather_bytes) {
    const std::uint8_t* bytes = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
    if (size <= 0) {
      more = size == 0 && paused_;
      if (size < 0) break_all({Code::failed, nghttp2_strerror(static_cast<int>(size))});
      break;
    }
    into.append(view(bytes, static_cast<std::size_t>(size)));
  }
  gathering_ = nullptr;
  note_session_end();
  return more;
}

void H2Connection::note_session_end() {
  if (over_ || nghttp2_session_want_write(session_) != 0) return;
  const auto held = [](const auto& stream) { return stream->held; };
  const bool nothing_to_wait_for = input_over_ && std::ranges::none_of(streams_, held);
  if (nghttp2_session_want_read(session_) != 0 && !nothing_to_wait_for) return;
  over_ = true;
  for (std::size_t i = streams_.size(); i-- > 0;) close_stream(*streams_[i], NGHTTP2_NO_ERROR);
  link_->finish();
}

void H2Connection::write_broke(const Error& error) { break_all(error); }

void H2Connection::settled() { check_over(); }

void H2Connection::break_all(const Error& error) {
  over_ = true;
  for (std::size_t i = streams_.size(); i-- > 0;) {
    H2Stream& stream = *streams_[i];
    if (stream.closed) continue;
    stream.closed = true;
    stream.in.break_off(error);
    stream.out.break_off(error);
    stream_ends(stream, &error);
    remove_if_done(stream);
  }
  link_->reset();
}

void H2Connection::check_over() {
  if (!reader_done_) return;
  note_session_end();
  if (!streams_.empty()) return;
  if (!link_->broken() && !link_->finished()) link_->finish();
  if (!link_->busy()) std::exchange(tell_over_, nullptr)();
}

void H2Connection::say_goodbye() {
  if (over_ || goodbye_) return;
  goodbye_ = true;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(session_), NGHTTP2_NO_ERROR,
                        nullptr, 0);
  link_->dirty();
}

void H2Connection::terminate(H2Error error) {
  if (over_) return;
  nghttp2_session_terminate_session(session_, static_cast<std::uint32_t>(error));
  link_->dirty();
}

bool H2Connection::accepts_streams() const { return !over_ && !goodbye_ && !reader_done_; }

std::uint32_t H2Connection::streams_allowed() const {
  return nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

void H2Connection::dirty_if_wanted() {
  if (!over_ && nghttp2_session_want_write(session_) != 0) link_->dirty();
}

// --- the other side's frames ---

// Counts what costs us something and brings nothing.  False: enough of it.
bool H2Connection::note_frame(std::uint8_t type, std::int32_t id, std::size_t length,
                              std::uint8_t flags) {
  const Instant now = context_.fibers.now();
  if (type == NGHTTP2_CONTINUATION) return ++continuations_ <= continuations_max;
  continuations_ = 0;
  if (type != NGHTTP2_HEADERS)
    head_begun_ = io::never;
  else if (head_begun_ == io::never)
    head_begun_ = now;
  if (settings_.server && is_misplaced(type, id)) return true;
  const bool ends = (flags & NGHTTP2_FLAG_END_STREAM) != 0;
  const bool useful = type == NGHTTP2_HEADERS || type == NGHTTP2_WINDOW_UPDATE ||
                      type == NGHTTP2_GOAWAY || type == NGHTTP2_RST_STREAM ||
                      (type == NGHTTP2_DATA && (length > 0 || ends));
  if (!useful) return chatter_.spend(now);
  if (type == NGHTTP2_HEADERS || type == NGHTTP2_DATA) chatter_.earn();
  return true;
}

// What nghttp2 lets pass, because it remembers no streams that are closed.  We remember
// a few, and only those where no frame can have been under way: what we reset may still
// be spoken to.  Then the connection ends, and this is true.
bool H2Connection::is_misplaced(std::uint8_t type, std::int32_t id) {
  if (type == NGHTTP2_PRIORITY && id == 0) {
    terminate(H2Error::protocol_error);
    return true;
  }
  if (type != NGHTTP2_HEADERS) return false;  // nghttp2 drops DATA of closed streams by itself
  if (id > newest_) {
    constexpr std::int32_t remembered = 2 * 16;  // ids are odd
    const std::int32_t next = newest_ == 0 ? 1 : newest_ + 2;
    for (std::int32_t skipped = std::max(next, id - remembered); skipped < id; skipped += 2) {
      skipped_[skipped_count_++ % skipped_.size()] = skipped;
    }
    newest_ = id;
    return false;
  }
  if (nghttp2_session_find_stream(session_, id) != nullptr) return false;
  if (std::ranges::find(skipped_, id) != skipped_.end())
    terminate(H2Error::protocol_error);
  else if (std::ranges::find(ended_by_peer_, id) != ended_by_peer_.end())
    terminate(H2Error::stream_closed);
  else
    return false;
  return true;
}

void H2Connection::note_ended_by_peer(std::int32_t id) {
  ended_by_peer_[ended_count_++ % ended_by_peer_.size()] = id;
}

void H2Connection::note_reset(std::int32_t id) {
  if (!settings_.server) return;
  note_ended_by_peer(id);
  if (resets_.spend(context_.fibers.now())) return;
  context_.trace.count("http.floods");
  terminate(H2Error::enhance_your_calm);
}

// False: the head is so large that even dropping it costs too much.
bool H2Connection::add_to_head(H2Stream& stream, std::string_view name, std::string_view value) {
  stream.head_bytes += name.size() + value.size() + 32;
  if (stream.head_bytes > settings_.head_bytes) stream.head_too_large = true;
  if (!stream.head_too_large) header(stream, name, value);
  return stream.head_bytes <= 8 * settings_.head_bytes + 64 * 1024;
}

void H2Connection::close_stream(H2Stream& stream, std::uint32_t error) {
  if (stream.closed) return;
  stream.closed = true;
  if (stream.in.ended()) note_ended_by_peer(stream.id);
  const bool complete = stream.in.ended() && stream.out_over;
  if (complete && error == NGHTTP2_NO_ERROR) {
    resets_.earn();
    stream_ends(stream, nullptr);
  } else {
    const Error why = reset_error(error);
    stream.in.break_off(why);
    stream.out.break_off(why);
    stream_ends(stream, &why);
  }
  remove_if_done(stream);
}

// --- streams ---

H2Stream& H2Connection::add(std::unique_ptr<H2Stream> stream) {
  stream->place = streams_.size();
  streams_.push_back(std::move(stream));
  ++requests_;
  return *streams_.back();
}

void H2Connection::remove_if_done(H2Stream& stream) {
  if (!stream.closed || stream.held) return;
  discard_body(stream);
  const std::size_t place = stream.place;
  if (place + 1 != streams_.size()) {
    streams_[place].swap(streams_.back());
    streams_[place]->place = place;
  }
  streams_.pop_back();
  if (streams_.empty()) idle_since_ = context_.fibers.now();
}

void H2Connection::submit_response(H2Stream& stream, std::span<const Field> fields, bool body) {
  if (over_ || stream.closed) return;
  native_fields_.resize(fields.size() * sizeof(nghttp2_nv));
  auto* const native_array = reinterpret_cast<nghttp2_nv*>(native_fields_.data());
  for (std::size_t i = 0; i < fields.size(); ++i) {
    new (native_array + i) nghttp2_nv(native(fields[i].name, fields[i].value));
  }
  const nghttp2_data_provider provider{.source = {.ptr = &stream},
                                       .read_callback = H2Callbacks::body_read};
  nghttp2_submit_response(session_, stream.id, native_array, fields.size(),
                          body ? &provider : nullptr);
  link_->dirty();
}

bool H2Connection::submit_request(H2Stream& stream, std::span<const Field> fields, bool body) {
  native_fields_.resize(fields.size() * sizeof(nghttp2_nv));
  auto* const native_array = reinterpret_cast<nghttp2_nv*>(native_fields_.data());
  for (std::size_t i = 0; i < fields.size(); ++i) {
    new (native_array + i) nghttp2_nv(native(fields[i].name, fields[i].value));
  }
  const nghttp2_data_provider provider{.source = {.ptr = &stream},
                                       .read_callback = H2Callbacks::body_read};
  const std::int32_t id =
      nghttp2_submit_request(session_, nullptr, native_array, fields.size(),
                             body ? &provider : nullptr, static_cast<H2Stream*>(&stream));
  if (id > 0) stream.id = id;
  return id > 0;
}

void H2Connection::submit_continue(H2Stream& stream) {
  if (over_ || stream.closed) return;
  const nghttp2_nv status = native(":status", "100");
  nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, stream.id, nullptr, &status, 1, nullptr);
  link_->dirty();
}

void H2Connection::submit_ping() {
  if (over_) return;
  nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
  link_->dirty();
}

void H2Connection::submit_reset(H2Stream& stream, H2Error error) {
  if (over_ || stream.closed) return;
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id,
                            static_cast<std::uint32_t>(error));
  link_->dirty();
}

void H2Connection::body_grew(H2Stream& stream) {
  if (over_ || stream.closed) return;
  nghttp2_session_resume_data(session_, stream.id);
  link_->dirty();
}

void H2Connection::body_taken(H2Stream& stream, std::size_t count) {
  if (over_ || count == 0) return;
  nghttp2_session_consume(session_, stream.id, count);  // of a closed stream too
  dirty_if_wanted();
}

void H2Connection::discard_body(H2Stream& stream) {
  stream.in_discarded = true;
  body_taken(stream, stream.in.discard());
}

}  // namespace perdure::http
