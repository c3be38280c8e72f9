#include "engine/http/h2_client.h"

#include <algorithm>
#include <charconv>

namespace perdure::http {

struct H2Client::CallStream final : H2Stream {
  using H2Stream::H2Stream;
  io::Request request;
  io::Response response;
  std::string length_text;
  bool counted = true;  // in open_
};

// What the caller holds.  The stream belongs to the connection, which it keeps alive.
class H2Call final : public io::HttpCall {
 public:
  H2Call(H2Client& connection, H2Client::CallStream& stream)
      : connection_(connection), stream_(stream) {}
  ~H2Call() override { connection_.let_go(stream_); }
  H2Call(const H2Call&) = delete;
  H2Call& operator=(const H2Call&) = delete;

  Result<void> write(std::string_view bytes, Instant deadline) override {
    const bool not_finished = !stream_.out.ended();
    CHECK(not_finished);
    while (!bytes.empty()) {
      if (stream_.out.broken()) return std::unexpected(*stream_.out.broken());
      const std::string_view rest =
          stream_.out.take_some(bytes, connection_.client_.limits.body_buffer_bytes);
      if (rest.size() < bytes.size() && stream_.id != 0) connection_.body_grew(stream_);
      bytes = rest;
      if (!bytes.empty()) TRY_VOID(stream_.out.wait_for_room(deadline));
    }
    return {};
  }

  void finish() override {
    if (stream_.out.ended()) return;
    stream_.out.end();
    if (stream_.id != 0) connection_.body_grew(stream_);
  }

  Result<io::Response> response(Instant deadline) override {
    while (!stream_.head_over) {
      if (stream_.in.broken()) return std::unexpected(*stream_.in.broken());
      TRY_VOID(stream_.in.wait(deadline));
    }
    return std::move(stream_.response);
  }

  Result<std::string> read(Instant deadline) override {
    auto bytes = stream_.in.take(deadline);
    if (bytes) connection_.body_taken(stream_, bytes->size());
    return bytes;
  }

 private:
  H2Client& connection_;
  H2Client::CallStream& stream_;
};

H2Client::H2Client(Context& context, ClientContext& client, Pool& pool,
                   const io::HttpTarget& target, std::unique_ptr<Link> link,
                   std::move_only_function<void()> over)
    : H2Connection(context, std::move(link),
                   {.server = false,
                    .head_bytes = client.limits.head_bytes,
                    .stream_window_bytes = client.limits.stream_window_bytes,
                    .connection_window_bytes = client.limits.connection_window_bytes,
                    .streams = client.limits.streams_per_connection},
                   std::move(over)),
      client_(client),
      pool_(pool),
      target_(target),
      last_heard_(context.fibers.now()) {}

H2Client::~H2Client() = default;

// --- calls ---

bool H2Client::has_room() const {
  return accepts_streams() &&
         open_ < std::min(client_.limits.streams_per_connection, streams_allowed());
}

std::unique_ptr<io::HttpCall> H2Client::open(io::Request request) {
  auto made = std::make_unique<CallStream>(context_.fibers);
  CallStream& stream = *made;
  stream.request = std::move(request);
  stream.held = true;
  add(std::move(made));
  ++open_;
  if (streams() == 1) last_heard_ = context_.fibers.now();  // silence counts from here
  unsent_.push_back(&stream);
  link_->dirty();
  return std::make_unique<H2Call>(*this, stream);
}

// The heads go out at the turn's end: then it is often known how long the body is.
void H2Client::before_gather() {
  if (unsent_.empty()) return;
  const std::vector<CallStream*> unsent = std::exchange(unsent_, {});
  for (CallStream* const stream : unsent) {
    if (!stream->closed) send_head(*stream);
  }
}

void H2Client::send_head(CallStream& stream) {
  const io::Request& request = stream.request;
  fields_.clear();
  fields_.push_back({":method", request.method});
  fields_.push_back({":scheme", "http"});
  fields_.push_back(
      {":authority", request.authority.empty() ? target_.authority : request.authority});
  fields_.push_back({":path", request.target});
  for (const io::Header& header : request.headers) fields_.push_back({header.name, header.value});
  const bool body = !stream.out.ended() || stream.out.size() > 0;
  if (stream.out.ended() && stream.out.size() > 0) {
    stream.length_text = std::to_string(stream.out.size());
    fields_.push_back({"content-length", stream.length_text});
  }
  if (submit_request(stream, fields_, body)) return;
  const Error why{Code::retry_later, "the connection takes no more streams"};
  stream.closed = true;
  stream.in.break_off(why);
  stream.out.break_off(why);
  stream_ends(stream, &why);
}

void H2Client::let_go(CallStream& stream) {
  stream.held = false;
  if (stream.id == 0) {
    std::erase(unsent_, &stream);
    if (!stream.closed) stream_ends(stream, nullptr);
    stream.closed = true;
  } else if (!stream.closed) {
    discard_body(stream);
    // Heard and said to the end, it closes by itself when our last frame is out.  A reset
    // would count against us: servers end connections that reset a thousand streams.
    const bool complete = stream.in.ended() && stream.out.ended();
    if (!complete) submit_reset(stream, H2Error::cancel);
  }
  remove_if_done(stream);
  check_over();
}

// --- answers ---

void H2Client::header(H2Stream& stream, std::string_view name, std::string_view value) {
  io::Response& response = static_cast<CallStream&>(stream).response;
  if (name == ":status") {
    response.status = 0;
    std::from_chars(value.data(), value.data() + value.size(), response.status);
    return;
  }
  if (name.starts_with(':') || is_connection_header(name)) return;
  if (response.headers.empty()) response.headers.reserve(8);
  response.headers.push_back({.name = std::string(name), .value = std::string(value)});
}

void H2Client::head_ends(H2Stream& stream) {
  io::Response& response = static_cast<CallStream&>(stream).response;
  if (stream.head_too_large) {
    stream.in.break_off({Code::failed, "head of the answer is too large"});
    return submit_reset(stream, H2Error::enhance_your_calm);
  }
  if (response.status < 200) {  // an interim answer: the one that counts is still to come
    response = {};
    stream.head_bytes = 0;
    return;
  }
  stream.head_over = true;
  stream.in.wake();
}

void H2Client::stream_ends(H2Stream& stream, const Error*) {
  auto& call = static_cast<CallStream&>(stream);
  if (!std::exchange(call.counted, false)) return;
  --open_;
  pool_.room_came();
}

// --- time ---

Instant H2Client::next_deadline() {
  if (ping_sent_ != io::never) return ping_sent_ + client_.limits.ping_answer;
  const Instant now = context_.fibers.now();
  // A call may come while we wait, so never longer than its silence is allowed to last.
  if (streams() == 0) {
    return std::min(idle_since_ + client_.limits.idle, now + client_.limits.ping_after);
  }
  return std::max(now, last_heard_ + client_.limits.ping_after);
}

void H2Client::deadline_passed() {
  const Instant now = context_.fibers.now();
  if (ping_sent_ != io::never) {
    if (now >= ping_sent_ + client_.limits.ping_answer) {
      context_.trace.count("http.pings.unanswered");
      break_all({Code::failed, "the server does not answer a ping"});
    }
  } else if (streams() == 0) {
    if (now >= idle_since_ + client_.limits.idle) terminate(H2Error::no_error);
  } else if (now >= last_heard_ + client_.limits.ping_after) {
    ping_sent_ = now;
    submit_ping();
  }
}

void H2Client::heard() {
  last_heard_ = context_.fibers.now();
  ping_sent_ = io::never;
}

}  // namespace perdure::http
