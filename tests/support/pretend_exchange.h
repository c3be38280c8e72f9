// tests/support/pretend_exchange.h
//
// An exchange without a wire: a request and the pieces of its body in, the answer kept.
#pragma once

#include <deque>
#include <string>
#include <utility>

#include "engine/base/check.h"
#include "engine/io/http.h"

namespace tests {

class PretendExchange : public perdure::io::Exchange {
 public:
  using Pieces = std::deque<perdure::Result<std::string>>;

  explicit PretendExchange(perdure::io::Request request, Pieces pieces = {})
      : request_(std::move(request)), pieces_(std::move(pieces)) {}

  const perdure::io::Request& request() const override { return request_; }
  perdure::io::HttpVersion version() const override { return perdure::io::HttpVersion::http1; }
  std::string peer() const override { return "127.0.0.1:1"; }
  perdure::Result<std::string> read(perdure::Instant) override {
    if (pieces_.empty()) return std::string();
    perdure::Result<std::string> piece = std::move(pieces_.front());
    pieces_.pop_front();
    return piece;
  }
  void respond(perdure::io::Response response, std::string bytes) override {
    CHECK(!answered);
    answered = true;
    reply = std::move(response);
    body = std::move(bytes);
  }
  void start(perdure::io::Response) override { UNREACHABLE(); }
  perdure::Result<void> write(std::string_view, perdure::Instant) override { UNREACHABLE(); }
  void finish() override { UNREACHABLE(); }
  void reset() override {}

  bool answered = false;
  perdure::io::Response reply;
  std::string body;

 private:
  perdure::io::Request request_;
  Pieces pieces_;
};

}  // namespace tests
