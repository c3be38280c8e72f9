// engine/http/h1_server.h
//
// The server's end of an HTTP/1.1 connection: one exchange at a time, answered in
// the order of asking.
//
//     head ──► body ──► answer ──► head ...           pipelined bytes wait in input_
//       │        │         │
//       └────────┴─────────┴────► closing             reads on, hears nothing
//
//     head     waits for a request, or has a part of its head
//     body     the serving fiber runs, the request's body still comes in
//     answer   the request is complete, the fiber still runs
//
// While a fiber serves we read on, a little, only to learn that the client has gone;
// then the fiber is cancelled.  A client that says it will send no more counts as gone.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/http/body.h"
#include "engine/http/h1_codec.h"
#include "engine/http/link.h"
#include "engine/http/server.h"
#include "engine/io/http.h"

namespace perdure::http {

class H1Server final : public Source, public ServerConnection, private io::Exchange {
 public:
  H1Server(Context& context, ServerContext& server, std::unique_ptr<Link> link,
           std::move_only_function<void()> over);

  // ServerConnection
  void run(std::string_view first_bytes) override;
  void stop() override;
  // Source
  bool gather(std::string& into) override;
  void write_broke(const Error& error) override;
  void settled() override;

 private:
  enum class Phase { head, body, answer, closing };

  // io::Exchange
  const io::Request& request() const override { return current_.request; }
  io::HttpVersion version() const override { return io::HttpVersion::http1; }
  std::string peer() const override { return link_->peer(); }
  Result<std::string> read(Instant deadline) override;
  void respond(io::Response response, std::string body) override;
  void start(io::Response response) override;
  Result<void> write(std::string_view bytes, Instant deadline) override;
  void finish() override;
  void reset() override;

  // Input.
  void feed(std::string_view fresh);
  void advance();
  std::size_t parse(std::string_view input);
  std::size_t parse_head(std::string_view input);
  std::size_t parse_body(std::string_view input);
  void refuse(int status, std::string_view why);
  void close();
  // Exchanges.
  void begin_exchange(H1Request request);
  void serve();
  void end_exchange();
  void write_head(const io::Response& response, const std::size_t* length);
  bool bodiless() const;
  // Ends.
  Instant next_deadline() const;
  void deadline_passed();
  void client_left();
  void break_all(const Error& error);
  void check_over();

  Context& context_;
  ServerContext& server_;
  const std::unique_ptr<Link> link_;
  std::move_only_function<void()> tell_over_;

  Phase phase_ = Phase::head;
  HeadScanner scanner_;
  std::string input_;  // read, not parsed
  Waiter input_shrank_;
  Instant head_begun_ = io::never;
  Instant idle_since_;

  // The exchange of the moment.
  H1Request current_;
  BodyReader body_;
  Inbox in_;
  io::FiberId fiber_;
  int status_ = 0;
  bool serving_ = false;
  bool started_ = false;   // our head is written
  bool answered_ = false;  // all of our answer is
  bool chunked_ = false;
  bool close_after_ = false;  // this was the last one

  std::string pending_;  // to be sent
  Waiter pending_shrank_;
  std::optional<Error> broken_;
  bool stopping_ = false, reader_done_ = false, client_gone_ = false;
};

}  // namespace perdure::http
