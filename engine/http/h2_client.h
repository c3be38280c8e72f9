// engine/http/h2_client.h
//
// The client's end of an HTTP/2 connection: a stream is a call.
//
// What a call may hear when its stream ends badly:
//
//     retry_later   REFUSED_STREAM, a GOAWAY below its id, or it was never sent:
//                   the server has not looked at it, so it is safe to repeat
//     failed        anything else
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/http/h2_connection.h"
#include "engine/http/pool.h"
#include "engine/io/http.h"

namespace perdure::http {

class H2Call;

class H2Client final : public H2Connection, public ClientConnection {
 public:
  H2Client(Context& context, ClientContext& client, Pool& pool, const io::HttpTarget& target,
           std::unique_ptr<Link> link, std::move_only_function<void()> over);
  ~H2Client() override;

  // ClientConnection
  void run() override { H2Connection::run({}); }
  bool has_room() const override;
  bool busy() const override { return open_ > 0 || !accepts_streams(); }
  std::unique_ptr<io::HttpCall> open(io::Request request) override;
  void say_goodbye() override { H2Connection::say_goodbye(); }

 private:
  friend class H2Call;
  struct CallStream;

  H2Stream* head_begins(std::int32_t) override { return nullptr; }  // servers open no streams
  void header(H2Stream& stream, std::string_view name, std::string_view value) override;
  void head_ends(H2Stream& stream) override;
  void stream_ends(H2Stream& stream, const Error* why) override;
  void before_gather() override;
  Instant next_deadline() override;
  void deadline_passed() override;
  void heard() override;

  void send_head(CallStream& stream);
  void let_go(CallStream& stream);

  ClientContext& client_;
  Pool& pool_;
  const io::HttpTarget& target_;  // the pool's
  std::vector<CallStream*> unsent_;
  std::size_t open_ = 0;  // streams that count against the limit
  Instant last_heard_;
  Instant ping_sent_ = io::never;  // never: none is out
};

}  // namespace perdure::http
