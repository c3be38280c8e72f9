// engine/http/h1_client.h
//
// The client's end of an HTTP/1.1 connection: one call at a time, kept for the next
// when both bodies ended and the server does not mind.
//
// A head goes out at the turn's end.  When by then the whole body is known it goes
// with its length, else in chunks.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/http/body.h"
#include "engine/http/h1_codec.h"
#include "engine/http/link.h"
#include "engine/http/pool.h"
#include "engine/io/http.h"

namespace perdure::http {

class H1Call;

class H1Client final : public Source, public ClientConnection {
 public:
  H1Client(Context& context, ClientContext& client, Pool& pool, const io::HttpTarget& target,
           std::unique_ptr<Link> link, std::move_only_function<void()> over);

  // ClientConnection
  void run() override;
  bool has_room() const override { return phase_ == Phase::idle && !broken_ && !goodbye_; }
  bool busy() const override { return true; }
  std::unique_ptr<io::HttpCall> open(io::Request request) override;
  void say_goodbye() override;
  // Source
  bool gather(std::string& into) override;
  void write_broke(const Error& error) override;
  void settled() override;

 private:
  friend class H1Call;
  enum class Phase { idle, head, body, over };  // of the answer

  void feed(std::string_view fresh);
  void advance();
  std::size_t parse(std::string_view input);
  std::size_t parse_head(std::string_view input);
  std::size_t parse_body(std::string_view input);
  void gather_head(std::string& into);
  void let_go();
  bool reusable() const;
  void server_left();
  void break_all(const Error& error);
  void close();
  void check_over();
  Instant next_deadline() const;

  Context& context_;
  ClientContext& client_;
  Pool& pool_;
  const io::HttpTarget& target_;  // the pool's
  const std::unique_ptr<Link> link_;
  std::move_only_function<void()> tell_over_;

  Phase phase_ = Phase::idle;
  HeadScanner scanner_;
  std::string input_;  // read, not parsed
  Waiter input_shrank_;
  Instant idle_since_;

  // The call of the moment.
  io::Request request_;
  io::Response response_;
  Inbox in_;
  Outbox out_;
  BodyReader body_;
  bool held_ = false;
  bool head_sent_ = false, chunked_ = false, out_over_ = false;
  bool keep_alive_ = false;

  std::optional<Error> broken_;
  bool goodbye_ = false, reader_done_ = false;
};

}  // namespace perdure::http
