// tests/engine/invoker/fake_http.h
//
// io::Http without a network: each call that goes out starts a fiber that plays the
// deployment.  Frames of the handler are words, see words.h.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/io/fibers.h"
#include "engine/io/http.h"
#include "tests/engine/invoker/words.h"

namespace tests {

namespace io = perdure::io;
using perdure::Code;
using perdure::Instant;
using perdure::Result;

// One exchange, seen from the deployment.
class Served {
 public:
  explicit Served(io::Fibers& fibers) : fibers_(fibers), changed_(fibers) {}

  io::HttpTarget target;
  io::Request request;
  std::uint32_t version = 6;  // for words
  bool reset = false;         // the caller destroyed its call early

  // Frames that came, StartMessage first.  False: the body ended, or the call is gone.
  bool wait_frame(std::string& name, std::string& payload) {
    while (true) {
      std::string_view rest = body_;
      if (const auto frame = words::wire::next_frame(rest)) {
        name = words::wire::name_of(frame->header.type);
        payload = frame->payload;
        body_.erase(0, body_.size() - rest.size());
        return true;
      }
      if (body_ended || reset) return false;
      if (!changed_.wait()) return false;
    }
  }
  // The next message by name; "" at the end.
  std::string next() {
    std::string name, payload;
    return wait_frame(name, payload) ? name : "";
  }
  void await(std::string_view name) {
    for (std::string got = next(); got != name && !got.empty();) got = next();
  }
  void await_end() {
    while (!next().empty()) {
    }
  }

  void head(int status = 200, io::Headers headers = {}) {
    if (status == 200 && headers.empty()) {
      headers.push_back(
          {"content-type", "application/vnd.restate.invocation.v" + std::to_string(version)});
      headers.push_back({"x-restate-server", "test/1"});
    }
    response = io::Response{.status = status, .headers = std::move(headers)};
    changed_.notify_all();
  }
  void say_bytes(std::string bytes) {
    if (!response) head();
    pieces.push_back(std::move(bytes));
    changed_.notify_all();
  }
  void say(std::initializer_list<std::string_view> said) {  // in one piece
    std::string bytes;
    for (const std::string_view word : said) bytes += frame_of(word, version);
    say_bytes(std::move(bytes));
  }
  void end() { answer_ended = true, changed_.notify_all(); }
  void break_off() { broken = true, changed_.notify_all(); }
  void sleep(perdure::Duration span) { (void)fibers_.sleep_until(fibers_.now() + span); }

  // --- for the caller's side ---
  std::optional<io::Response> response;
  std::deque<std::string> pieces;
  bool body_ended = false, answer_ended = false, broken = false;
  bool stuck = false;  // does not read what is written to it
  void take(std::string_view bytes) { body_.append(bytes), changed_.notify_all(); }
  io::Event& changed() { return changed_; }

 private:
  io::Fibers& fibers_;
  io::Event changed_;
  std::string body_;
};

class FakeCall final : public io::HttpCall {
 public:
  explicit FakeCall(std::shared_ptr<Served> served) : served_(std::move(served)) {}
  ~FakeCall() override {
    if (!served_->body_ended || !served_->answer_ended) served_->reset = true;
    served_->changed().notify_all();
  }
  Result<void> write(std::string_view bytes, Instant deadline) override {
    while (served_->stuck) TRY_VOID(served_->changed().wait(deadline));
    if (served_->broken) return perdure::fail(Code::failed, "broken");
    served_->take(bytes);
    return {};
  }
  void finish() override {
    served_->body_ended = true;
    served_->changed().notify_all();
  }
  Result<io::Response> response(Instant deadline) override {
    while (!served_->response) {
      if (served_->broken) return perdure::fail(Code::failed, "reset by peer");
      TRY_VOID(served_->changed().wait(deadline));
    }
    return *served_->response;
  }
  Result<std::string> read(Instant deadline) override {
    while (served_->pieces.empty()) {
      if (served_->broken) return perdure::fail(Code::failed, "reset by peer");
      if (served_->answer_ended) return std::string();
      TRY_VOID(served_->changed().wait(deadline));
    }
    std::string piece = std::move(served_->pieces.front());
    served_->pieces.pop_front();
    return piece;
  }

 private:
  std::shared_ptr<Served> served_;
};

class FakeHttp final : public io::Http {
 public:
  using Handler = std::function<void(Served&)>;

  explicit FakeHttp(io::Fibers& fibers) : fibers_(fibers), handlers_(fibers) {}

  Handler handler;
  bool refuses = false;
  std::vector<std::shared_ptr<Served>> calls;

  Result<std::unique_ptr<io::HttpServer>> serve(std::string_view, io::HttpLimits, Serve) override {
    return perdure::fail(Code::invalid, "not here");
  }
  Result<std::unique_ptr<io::HttpCall>> call(const io::HttpTarget& target, io::Request request,
                                             Instant) override {
    if (refuses) return perdure::fail(Code::failed, "connection refused");
    auto served = std::make_shared<Served>(fibers_);
    served->request = std::move(request);
    const std::string* type = io::find_header(served->request.headers, "content-type");
    served->version = words::number(type->substr(type->size() - 1));
    served->target = target;
    calls.push_back(served);
    handlers_.start("handler", [this, served] {
      handler(*served);
      if (!served->answer_ended) served->end();
    });
    std::unique_ptr<io::HttpCall> made = std::make_unique<FakeCall>(served);
    return made;
  }
  void stop() { handlers_.stop(); }

 private:
  io::Fibers& fibers_;
  io::Group handlers_;
};

}  // namespace tests
