#include "engine/http/h1_server.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "engine/http/limits.h"

namespace perdure::http {
namespace {

constexpr std::size_t read_ahead_bytes = 64 * 1024;  // parsed later

}  // namespace

H1Server::H1Server(Context& context, ServerContext& server, std::unique_ptr<Link> link,
                   std::move_only_function<void()> over)
    : context_(context),
      server_(server),
      link_(std::move(link)),
      tell_over_(std::move(over)),
      input_shrank_(context.fibers),
      idle_since_(context.fibers.now()),
      in_(context.fibers),
      pending_shrank_(context.fibers) {
  link_->feed_from(*this);
}

// --- reading ---

void H1Server::run(std::string_view first_bytes) {
  feed(first_bytes);
  while (true) {
    while (input_.size() >= read_ahead_bytes && serving_ && !broken_) {
      if (auto woken = input_shrank_.wait(io::never); !woken) break_all(woken.error());
    }
    const auto bytes = link_->read(next_deadline());
    if (!bytes && bytes.error().code == Code::timed_out) {
      deadline_passed();
      continue;
    }
    if (!bytes || bytes->empty()) {
      bytes ? client_left() : break_all(bytes.error());
      break;
    }
    feed(*bytes);
  }
  reader_done_ = true;
  check_over();
}

void H1Server::feed(std::string_view fresh) {
  if (input_.empty()) {
    input_.assign(fresh.substr(parse(fresh)));
  } else {
    input_.append(fresh);
    advance();
  }
}

void H1Server::advance() {
  const std::size_t used = parse(input_);
  if (used == 0) return;
  input_.erase(0, used);
  input_shrank_.wake();
}

// Takes what can be taken now; returns how much that is.
std::size_t H1Server::parse(std::string_view input) {
  std::size_t used = 0;
  while (true) {
    switch (phase_) {
      case Phase::head: {
        const std::size_t head = parse_head(input.substr(used));
        used += head;
        if (head == 0 && phase_ == Phase::head) return used;
        break;
      }
      case Phase::body:
        used += parse_body(input.substr(used));
        if (phase_ == Phase::body) return used;
        break;
      case Phase::answer: return used;
      case Phase::closing: return input.size();
    }
  }
}

std::size_t H1Server::parse_head(std::string_view input) {
  if (input.empty()) return 0;
  if (head_begun_ == io::never) head_begun_ = context_.fibers.now();
  const auto found = scanner_.scan(input);
  const std::size_t size = found == HeadScanner::Found::head ? scanner_.size() : input.size();
  if (found == HeadScanner::Found::folded_line) return refuse(400, "folded header line"), 0;
  if (size > server_.limits.head_bytes) return refuse(431, "head too large"), 0;
  if (found == HeadScanner::Found::nothing) return 0;
  auto request = parse_request(input.substr(0, size));
  if (!request) return refuse(request.error().status, request.error().why), 0;
  begin_exchange(*std::move(request));
  return size;
}

std::size_t H1Server::parse_body(std::string_view input) {
  std::string unwanted;
  const std::size_t before = in_.size();
  const std::size_t used = answered_
                               ? body_.read(input, unwanted, input.size())
                               : body_.read(input, in_.bytes(), server_.limits.body_buffer_bytes);
  if (in_.size() > before) in_.wake();
  if (body_.over()) {
    in_.end();
    phase_ = Phase::answer;
  } else if (body_.malformed()) {
    in_.break_off({Code::failed, "malformed chunk"});
    context_.fibers.cancel(fiber_);
    if (started_)
      break_all({Code::failed, "malformed chunk"});
    else
      refuse(400, "malformed chunk");
  }
  return used;
}

// Answers without asking anybody; after this nothing more is understood here.
void H1Server::refuse(int status, std::string_view why) {
  context_.trace.count(status == 431 ? "http.heads.too_large" : "http.malformed");
  context_.trace.event(io::Level::debug, "http.request.refused",
                       {{"peer", link_->peer()}, {"status", status}, {"why", why}});
  started_ = answered_ = close_after_ = true;
  append_status_line(pending_, status);
  append_header(pending_, "date", context_.date.at(context_.clock.wall()));
  append_header(pending_, "content-length", "0");
  append_header(pending_, "connection", "close");
  pending_.append("\r\n");
  close();
}

void H1Server::close() {
  phase_ = Phase::closing;
  link_->finish();
  input_shrank_.wake();
}

// --- an exchange ---

void H1Server::begin_exchange(H1Request request) {
  scanner_.reuse();
  head_begun_ = io::never;
  current_ = std::move(request);
  body_ = BodyReader(current_.body);
  in_.reuse();
  status_ = 0;
  started_ = answered_ = chunked_ = close_after_ = false;
  phase_ = Phase::body;
  if (server_.group.cancelled()) return close();
  context_.trace.count("http.requests");
  serving_ = true;
  server_.group.start("http.serve", [this] { serve(); });
}

void H1Server::serve() {
  if (!broken_) {
    fiber_ = context_.fibers.self();
    if (client_gone_) context_.fibers.cancel(fiber_);
    server_.serve(*this);
    fiber_ = {};
  }
  serving_ = false;
  if (!answered_) break_all({Code::failed, "nobody answered"});
  end_exchange();
  check_over();
}

void H1Server::end_exchange() {
  idle_since_ = context_.fibers.now();
  if (broken_ || phase_ == Phase::closing) return;
  if (close_after_ || stopping_ || client_gone_ || phase_ != Phase::answer) return close();
  in_.reuse();
  phase_ = Phase::head;
  advance();
}

Result<std::string> H1Server::read(Instant deadline) {
  if (current_.continue_wanted && !started_ && in_.size() == 0 && !in_.over()) {
    current_.continue_wanted = false;
    pending_.append("HTTP/1.1 100 Continue\r\n\r\n");
    link_->dirty();
  }
  auto bytes = in_.take(deadline);
  if (bytes && !input_.empty()) advance();
  return bytes;
}

bool H1Server::bodiless() const {
  return current_.request.method == "HEAD" || has_no_body(status_);
}

// Without a length the answer is streamed: in chunks, or until the connection ends.
void H1Server::write_head(const io::Response& response, const std::size_t* length) {
  CHECK(!started_);
  CHECK(response.status >= 200);
  started_ = true;
  status_ = response.status;
  const bool streamed = length == nullptr && !bodiless();
  chunked_ = streamed && !current_.version_1_0;
  // What is left of the request's body would have to be read before the next head.
  close_after_ =
      !current_.keep_alive || stopping_ || phase_ != Phase::answer || (streamed && !chunked_);
  append_status_line(pending_, status_);
  append_header(pending_, "date", context_.date.at(context_.clock.wall()));
  for (const io::Header& header : response.headers) {
    append_header(pending_, header.name, header.value);
  }
  if (chunked_) append_header(pending_, "transfer-encoding", "chunked");
  if (length != nullptr && !has_no_body(status_)) {
    std::array<char, 20> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), *length).ptr;
    append_header(pending_, "content-length", {digits.data(), end});
  }
  if (close_after_)
    append_header(pending_, "connection", "close");
  else if (current_.version_1_0)
    append_header(pending_, "connection", "keep-alive");
  pending_.append("\r\n");
}

void H1Server::respond(io::Response response, std::string body) {
  if (broken_ || answered_) {
    started_ = answered_ = true;
    return;
  }
  if (const std::size_t bad = clean_response_headers(response.headers)) {
    context_.trace.count("http.headers.dropped", bad);
  }
  const std::size_t length = body.size();
  write_head(response, &length);
  answered_ = true;
  if (!bodiless()) pending_.append(body);
  link_->dirty();
}

void H1Server::start(io::Response response) {
  if (broken_ || answered_) {
    started_ = true;
    return;
  }
  if (const std::size_t bad = clean_response_headers(response.headers)) {
    context_.trace.count("http.headers.dropped", bad);
  }
  write_head(response, nullptr);
  link_->dirty();
}

Result<void> H1Server::write(std::string_view bytes, Instant deadline) {
  CHECK(started_);
  const std::size_t limit = server_.limits.body_buffer_bytes;
  while (!bytes.empty()) {
    if (broken_) return std::unexpected(*broken_);
    if (answered_) return fail(Code::failed, "the answer was given by the server itself");
    if (bodiless()) return {};
    if (pending_.size() >= limit) {
      TRY_VOID(pending_shrank_.wait(deadline));
      continue;
    }
    const std::string_view some = bytes.substr(0, limit - pending_.size());
    if (chunked_)
      append_chunk(pending_, some);
    else
      pending_.append(some);
    bytes.remove_prefix(some.size());
    link_->dirty();
  }
  return {};
}

void H1Server::finish() {
  CHECK(started_);
  if (answered_) return;
  answered_ = true;
  if (chunked_ && !broken_) pending_.append(last_chunk);
  link_->dirty();
}

void H1Server::reset() {
  started_ = answered_ = true;
  break_all({Code::failed, "stream was reset by the server"});
}

// --- the link ---

bool H1Server::gather(std::string& into) {
  constexpr std::size_t worth_swapping = 4096;
  if (into.empty() && pending_.size() > worth_swapping)
    into.swap(pending_);
  else
    into.append(pending_);
  pending_.clear();
  if (pending_.capacity() > worth_swapping && answered_) std::string().swap(pending_);
  pending_shrank_.wake();
  return false;
}

void H1Server::write_broke(const Error& error) { break_all(error); }

void H1Server::settled() { check_over(); }

// --- ends ---

void H1Server::stop() {
  stopping_ = true;
  link_->hurry();
  if (serving_ || phase_ != Phase::head) return;
  close();
}

Instant H1Server::next_deadline() const {
  if (phase_ == Phase::closing) return io::never;
  if (phase_ != Phase::head) return context_.fibers.now() + server_.limits.idle;
  if (head_begun_ != io::never) return head_begun_ + server_.limits.head;
  return idle_since_ + server_.limits.idle;
}

void H1Server::deadline_passed() {
  if (phase_ != Phase::head || context_.fibers.now() < next_deadline()) return;
  if (head_begun_ == io::never) return close();
  context_.trace.count("http.heads.too_slow");
  refuse(408, "head took too long");
}

void H1Server::client_left() {
  client_gone_ = true;
  if (phase_ == Phase::body) in_.break_off({Code::failed, "the client closed the connection"});
  context_.fibers.cancel(fiber_);
  if (!serving_ && phase_ != Phase::closing) close();
}

void H1Server::break_all(const Error& error) {
  if (broken_) return;
  broken_ = error;
  phase_ = Phase::closing;
  in_.break_off(error);
  if (fiber_ != context_.fibers.self()) context_.fibers.cancel(fiber_);
  pending_shrank_.wake();
  input_shrank_.wake();
  link_->reset();
}

void H1Server::check_over() {
  if (!reader_done_ || serving_) return;
  if (!link_->broken() && !link_->finished()) link_->finish();
  if (!link_->busy()) std::exchange(tell_over_, nullptr)();
}

}  // namespace perdure::http
