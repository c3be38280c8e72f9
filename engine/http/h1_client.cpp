#include "engine/http/h1_client.h"

#include <algorithm>
#include <utility>

#include "engine/http/headers.h"

namespace perdure::http {

// What the caller holds; it keeps the connection alive.
class H1Call final : public io::HttpCall {
 public:
  explicit H1Call(H1Client& connection) : connection_(connection) {}
  ~H1Call() override { connection_.let_go(); }
  H1Call(const H1Call&) = delete;
  H1Call& operator=(const H1Call&) = delete;

  Result<void> write(std::string_view bytes, Instant deadline) override {
    Outbox& out = connection_.out_;
    const bool not_finished = !out.ended();
    CHECK(not_finished);
    while (!bytes.empty()) {
      if (out.broken()) return std::unexpected(*out.broken());
      const std::string_view rest =
          out.take_some(bytes, connection_.client_.limits.body_buffer_bytes);
      if (rest.size() < bytes.size()) connection_.link_->dirty();
      bytes = rest;
      if (!bytes.empty()) TRY_VOID(out.wait_for_room(deadline));
    }
    return {};
  }

  void finish() override {
    if (connection_.out_.ended()) return;
    connection_.out_.end();
    connection_.link_->dirty();
  }

  Result<io::Response> response(Instant deadline) override {
    using Phase = H1Client::Phase;
    while (connection_.phase_ == Phase::head) {
      if (connection_.in_.broken()) return std::unexpected(*connection_.in_.broken());
      TRY_VOID(connection_.in_.wait(deadline));
    }
    return std::move(connection_.response_);
  }

  Result<std::string> read(Instant deadline) override {
    auto bytes = connection_.in_.take(deadline);
    if (bytes && !connection_.input_.empty()) connection_.advance();
    return bytes;
  }

 private:
  H1Client& connection_;
};

H1Client::H1Client(Context& context, ClientContext& client, Pool& pool,
                   const io::HttpTarget& target, std::unique_ptr<Link> link,
                   std::move_only_function<void()> over)
    : context_(context),
      client_(client),
      pool_(pool),
      target_(target),
      link_(std::move(link)),
      tell_over_(std::move(over)),
      input_shrank_(context.fibers),
      idle_since_(context.fibers.now()),
      in_(context.fibers),
      out_(context.fibers) {
  link_->feed_from(*this);
}

// --- calls ---

std::unique_ptr<io::HttpCall> H1Client::open(io::Request request) {
  CHECK(has_room());
  request_ = std::move(request);
  response_ = {};
  in_.reuse();
  out_.reuse();
  held_ = true;
  head_sent_ = chunked_ = out_over_ = keep_alive_ = false;
  phase_ = Phase::head;
  link_->dirty();
  return std::make_unique<H1Call>(*this);
}

bool H1Client::reusable() const {
  return phase_ == Phase::over && out_over_ && keep_alive_ && !broken_ && !goodbye_ &&
         input_.empty();  // bytes that nobody asked for would be taken for the next answer
}

void H1Client::let_go() {
  held_ = false;
  idle_since_ = context_.fibers.now();
  if (reusable()) {
    phase_ = Phase::idle;
    return pool_.room_came();
  }
  if (!broken_ && phase_ == Phase::over && out_over_)
    close();
  else
    break_all({Code::cancelled, "the call was given up"});
  check_over();
}

void H1Client::say_goodbye() {
  goodbye_ = true;
  if (phase_ == Phase::idle) close();
}

// --- writing ---

void H1Client::gather_head(std::string& into) {
  head_sent_ = true;
  if (request_.authority.empty()) request_.authority = target_.authority;
  append_request_head(into, request_);
  chunked_ = !out_.ended();
  const bool expects_body = request_.method != "GET" && request_.method != "HEAD" &&
                            request_.method != "OPTIONS" && request_.method != "DELETE";
  if (chunked_) {
    append_header(into, "transfer-encoding", "chunked");
  } else if (out_.size() > 0 || expects_body) {
    append_header(into, "content-length", std::to_string(out_.size()));
  }
  into.append("\r\n");
}

bool H1Client::gather(std::string& into) {
  if (!held_ || broken_ || out_over_ || out_.broken()) return false;
  if (!head_sent_) gather_head(into);
  const std::string_view some = out_.front().substr(0, gather_bytes);
  if (chunked_)
    append_chunk(into, some);
  else
    into.append(some);
  out_.drop(some.size());
  if (out_.size() > 0) return true;
  if (out_.ended()) {
    out_over_ = true;
    if (chunked_) into.append(last_chunk);
  }
  return false;
}

void H1Client::write_broke(const Error& error) {
  // The server may have answered, and closed, without reading all of the request: what
  // it said is still to be read.
  out_.break_off(error);
  if (phase_ == Phase::idle) break_all(error);
}

void H1Client::settled() { check_over(); }

// --- reading ---

void H1Client::run() {
  while (true) {
    while (input_.size() >= client_.limits.body_buffer_bytes && !broken_) {
      if (auto woken = input_shrank_.wait(io::never); !woken) break_all(woken.error());
    }
    const auto bytes = link_->read(next_deadline());
    if (!bytes && bytes.error().code == Code::timed_out) {
      const bool idle = phase_ == Phase::idle && context_.fibers.now() >= next_deadline();
      if (idle) close();
      continue;
    }
    if (!bytes || bytes->empty()) {
      bytes ? server_left() : break_all(bytes.error());
      break;
    }
    feed(*bytes);
  }
  reader_done_ = true;
  check_over();
}

Instant H1Client::next_deadline() const {
  if (goodbye_) return io::never;
  return (phase_ == Phase::idle ? idle_since_ : context_.fibers.now()) + client_.limits.idle;
}

void H1Client::feed(std::string_view fresh) {
  if (input_.empty()) {
    input_.assign(fresh.substr(parse(fresh)));
  } else {
    input_.append(fresh);
    advance();
  }
}

void H1Client::advance() {
  const std::size_t used = parse(input_);
  if (used == 0) return;
  input_.erase(0, used);
  input_shrank_.wake();
}

std::size_t H1Client::parse(std::string_view input) {
  std::size_t used = 0;
  while (!broken_) {
    const std::string_view rest = input.substr(used);
    if (phase_ == Phase::head) {
      const std::size_t head = parse_head(rest);
      if (head == 0) break;
      used += head;
    } else if (phase_ == Phase::body) {
      used += parse_body(rest);
      if (phase_ == Phase::body) break;
    } else {
      if (!rest.empty() && phase_ == Phase::idle) {
        break_all({Code::failed, "bytes that nobody asked for"});
      }
      break;
    }
  }
  return broken_ ? input.size() : used;
}

std::size_t H1Client::parse_head(std::string_view input) {
  const auto found = scanner_.scan(input);
  const std::size_t size = found == HeadScanner::Found::head ? scanner_.size() : input.size();
  if (size > client_.limits.head_bytes || found == HeadScanner::Found::folded_line) {
    break_all({Code::failed, "malformed or too large head of an answer"});
    return 0;
  }
  if (found == HeadScanner::Found::nothing) return 0;
  scanner_.reuse();
  auto parsed = parse_response(input.substr(0, size), request_.method == "HEAD");
  if (!parsed) {
    break_all(parsed.error());
    return 0;
  }
  if (parsed->response.status == 101) {
    break_all({Code::failed, "the server switched protocols unasked"});
    return 0;
  }
  if (parsed->response.status < 200) return size;  // interim: the one that counts comes
  response_ = std::move(parsed->response);
  keep_alive_ = parsed->keep_alive;
  body_ = BodyReader(parsed->body);
  phase_ = Phase::body;
  in_.wake();
  return size;
}

std::size_t H1Client::parse_body(std::string_view input) {
  const std::size_t before = in_.size();
  const std::size_t used = body_.read(input, in_.bytes(), client_.limits.body_buffer_bytes);
  if (in_.size() > before) in_.wake();
  if (body_.malformed()) break_all({Code::failed, "malformed chunk in an answer"});
  if (body_.over()) {
    phase_ = Phase::over;
    in_.end();
  }
  return used;
}

// --- ends ---

void H1Client::server_left() {
  const Error gone{Code::failed, "the server closed the connection"};
  keep_alive_ = false;
  if (phase_ == Phase::body && input_.empty()) {
    body_.input_ended();
    if (body_.over()) {
      phase_ = Phase::over;
      in_.end();
    }
  }
  in_.break_off(gone);
  out_.break_off(gone);
  close();  // held or not: nothing is to come, and nothing can go
}

void H1Client::break_all(const Error& error) {
  if (broken_) return;
  broken_ = error;
  in_.break_off(error);
  out_.break_off(error);
  input_shrank_.wake();
  link_->reset();
}

void H1Client::close() {
  goodbye_ = true;
  link_->finish();
}

void H1Client::check_over() {
  if (!reader_done_ || held_) return;
  if (!link_->broken() && !link_->finished()) link_->finish();
  if (!link_->busy()) std::exchange(tell_over_, nullptr)();
}

}  // namespace perdure::http
