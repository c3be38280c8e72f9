#include "engine/http/h2_server.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace perdure::http {
namespace {

std::size_t connection_window(const io::HttpLimits& limits) {
  return std::max<std::size_t>(1 << 20, 16 * limits.body_buffer_bytes);
}

template <std::size_t size>
std::string_view write_number(std::array<char, size>& room, std::size_t number) {
  const auto end = std::to_chars(room.data(), room.data() + size, number).ptr;
  return {room.data(), static_cast<std::size_t>(end - room.data())};
}

}  // namespace

class H2Exchange final : public H2Stream, public io::Exchange {
 public:
  H2Exchange(H2Server& connection, io::Fibers& fibers)
      : H2Stream(fibers), connection_(connection) {}

  const io::Request& request() const override { return request_; }
  io::HttpVersion version() const override { return io::HttpVersion::http2; }
  std::string peer() const override { return connection_.link_->peer(); }

  Result<std::string> read(Instant deadline) override {
    if (continue_wanted_ && !started_ && in.size() == 0 && !in.over()) {
      continue_wanted_ = false;
      connection_.submit_continue(*this);
    }
    auto bytes = in.take(deadline);
    if (bytes) connection_.body_taken(*this, bytes->size());
    return bytes;
  }

  void respond(io::Response response, std::string body) override {
    begin(std::move(response));
    answered_ = true;
    const std::size_t length = body.size();
    const bool with_body = length > 0 && !bodiless();
    out.fill(with_body ? std::move(body) : std::string());
    connection_.submit_head(*this, with_body, has_no_body(response_.status) ? nullptr : &length);
  }

  void start(io::Response response) override {
    begin(std::move(response));
    connection_.submit_head(*this, !bodiless(), nullptr);
  }

  Result<void> write(std::string_view bytes, Instant deadline) override {
    const bool started_and_not_finished = started_ && !answered_;
    CHECK(started_and_not_finished);
    if (bodiless()) return {};
    while (!bytes.empty()) {
      if (out.broken()) return std::unexpected(*out.broken());
      const std::string_view rest =
          out.take_some(bytes, connection_.server_.limits.body_buffer_bytes);
      if (rest.size() < bytes.size()) connection_.body_grew(*this);
      bytes = rest;
      if (!bytes.empty()) TRY_VOID(out.wait_for_room(deadline));
    }
    return {};
  }

  void finish() override {
    CHECK(started_);
    if (answered_) return;
    answered_ = true;
    out.end();
    if (!bodiless()) connection_.body_grew(*this);
  }

  void reset() override {
    answered_ = started_ = true;
    connection_.submit_reset(*this, H2Error::internal_error);
  }

 private:
  friend class H2Server;

  void begin(io::Response response) {
    CHECK(!started_);
    CHECK(response.status >= 200);
    started_ = true;
    response_ = std::move(response);
    if (const std::size_t bad = clean_response_headers(response_.headers)) {
      connection_.context_.trace.count("http.headers.dropped", bad);
    }
  }
  bool bodiless() const { return request_.method == "HEAD" || has_no_body(response_.status); }

  H2Server& connection_;
  io::Request request_;
  io::Response response_;
  std::array<char, 4> status_text_{};
  std::array<char, 20> length_text_{};
  io::FiberId fiber_;              // that serves it
  bool continue_wanted_ = false;   // the client waits for 100
  bool started_ = false;           // our head is on its way
  bool answered_ = false;          // all of our answer is
  bool given_up_ = false;          // nobody waits for it
  std::size_t unsent_before_ = 0;  // when we last looked for stalled streams
};

H2Server::H2Server(Context& context, ServerContext& server, std::unique_ptr<Link> link,
                   std::move_only_function<void()> over)
    : H2Connection(context, std::move(link),
                   {.server = true,
                    .head_bytes = server.limits.head_bytes,
                    .stream_window_bytes = server.limits.body_buffer_bytes,
                    .connection_window_bytes = connection_window(server.limits),
                    .streams = server.limits.streams_per_connection},
                   std::move(over)),
      server_(server) {}

// --- requests come in ---

H2Stream* H2Server::head_begins(std::int32_t id) {
  if (serving_ >= server_.limits.streams_per_connection || server_.group.cancelled()) {
    context_.trace.count("http.requests.refused");
    return nullptr;
  }
  H2Stream& stream = add(std::make_unique<H2Exchange>(*this, context_.fibers));
  stream.id = id;
  return &stream;
}

void H2Server::header(H2Stream& stream, std::string_view name, std::string_view value) {
  auto& exchange = static_cast<H2Exchange&>(stream);
  io::Request& request = exchange.request_;
  if (name.starts_with(':')) {
    if (name == ":method")
      request.method = value;
    else if (name == ":path")
      request.target = value;
    else if (name == ":authority")
      request.authority = value;
    return;  // :scheme says nothing to us
  }
  if (name == "host") {
    if (request.authority.empty()) request.authority = value;
    return;
  }
  if (name == "expect") {
    exchange.continue_wanted_ = equals_ignoring_case(value, "100-continue");
    return;
  }
  if (is_connection_header(name)) return;
  if (name == "cookie") {
    const auto cookie = std::ranges::find(request.headers, name, &io::Header::name);
    if (cookie != request.headers.end()) {
      cookie->value.append("; ").append(value);
      return;
    }
  }
  if (request.headers.empty()) request.headers.reserve(8);
  request.headers.push_back({.name = std::string(name), .value = std::string(value)});
}

void H2Server::head_ends(H2Stream& stream) {
  auto& exchange = static_cast<H2Exchange&>(stream);
  exchange.head_over = true;
  if (exchange.head_too_large) return refuse(exchange, 431);
  if (exchange.request_.method == "CONNECT") return refuse(exchange, 501);
  if (server_.group.cancelled()) return submit_reset(stream, H2Error::refused_stream);
  exchange.held = true;
  ++serving_;
  server_.group.start("http.serve", [this, &exchange] { serve(exchange); });
}

// Answered here: no fiber hears of it.
void H2Server::refuse(H2Exchange& exchange, int status) {
  context_.trace.count(status == 431 ? "http.heads.too_large" : "http.requests.refused");
  exchange.respond({.status = status, .headers = {}}, "");
  discard_body(exchange);
}

void H2Server::serve(H2Exchange& exchange) {
  if (!exchange.closed && !exchange.given_up_) {
    exchange.fiber_ = context_.fibers.self();
    server_.serve(exchange);
    exchange.fiber_ = {};
  }
  --serving_;
  exchange.held = false;
  if (!exchange.answered_) exchange.reset();
  if (!exchange.closed) discard_body(exchange);
  if (!exchange.closed && exchange.out_over && !exchange.in.ended()) {
    submit_reset(exchange, H2Error::no_error);  // the rest of its body is not wanted
  }
  remove_if_done(exchange);
  check_over();
}

// --- answers go out ---

void H2Server::submit_head(H2Exchange& exchange, bool body, const std::size_t* length) {
  const auto status = static_cast<std::size_t>(exchange.response_.status);
  fields_.clear();
  fields_.push_back({":status", write_number(exchange.status_text_, status)});
  fields_.push_back({"date", context_.date.at(context_.clock.wall())});
  for (const io::Header& header : exchange.response_.headers) {
    fields_.push_back({header.name, header.value});
  }
  if (length != nullptr) {
    fields_.push_back({"content-length", write_number(exchange.length_text_, *length)});
  }
  submit_response(exchange, fields_, body);
}

void H2Server::answer_left(H2Stream& stream) {
  // A complete answer, and the request's body is still coming: no more of it, please.
  if (!stream.held && !stream.in.ended()) submit_reset(stream, H2Error::no_error);
}

void H2Server::stream_ends(H2Stream& stream, const Error* why) {
  auto& exchange = static_cast<H2Exchange&>(stream);
  if (why == nullptr) return;
  exchange.given_up_ = true;
  if (!exchange.answered_) context_.fibers.cancel(exchange.fiber_);
}

// --- time ---

void H2Server::stop() {
  link_->hurry();
  say_goodbye();
}

Instant H2Server::next_deadline() {
  if (head_begun() != io::never) return head_begun() + server_.limits.head;
  return (streams() == 0 ? idle_since_ : context_.fibers.now()) + server_.limits.idle;
}

void H2Server::deadline_passed() {
  const Instant now = context_.fibers.now();
  if (head_begun() != io::never && now >= head_begun() + server_.limits.head) {
    context_.trace.count("http.heads.too_slow");
    terminate(H2Error::enhance_your_calm);
  } else if (streams() == 0 && now >= idle_since_ + server_.limits.idle) {
    terminate(H2Error::no_error);
  } else if (streams() != 0) {
    end_stalled();
  }
}

// An answer that the client has not taken a byte of for a whole idle period will
// never go; neither may its memory stay for ever.
void H2Server::end_stalled() {
  for (const auto& stream : streams_) {
    auto& exchange = static_cast<H2Exchange&>(*stream);
    if (exchange.closed || !exchange.answered_) continue;
    const std::size_t unsent = exchange.out.size();
    if (unsent > 0 && unsent == exchange.unsent_before_) {
      submit_reset(exchange, H2Error::cancel);
    }
    exchange.unsent_before_ = unsent;
  }
}

}  // namespace perdure::http
