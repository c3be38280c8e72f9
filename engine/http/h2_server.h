// engine/http/h2_server.h
//
// The server's end of an HTTP/2 connection: a stream is an exchange, served by a
// fiber of its own from the moment its head is complete.
//
// When the client takes its stream back, or goes, the serving fiber is cancelled.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "engine/http/h2_connection.h"
#include "engine/http/server.h"
#include "engine/io/http.h"

namespace perdure::http {

class H2Exchange;

class H2Server final : public H2Connection, public ServerConnection {
 public:
  H2Server(Context& context, ServerContext& server, std::unique_ptr<Link> link,
           std::move_only_function<void()> over);

  // ServerConnection
  void run(std::string_view first_bytes) override { H2Connection::run(first_bytes); }
  void stop() override;

 private:
  friend class H2Exchange;
  H2Stream* head_begins(std::int32_t id) override;
  void header(H2Stream& stream, std::string_view name, std::string_view value) override;
  void head_ends(H2Stream& stream) override;
  void stream_ends(H2Stream& stream, const Error* why) override;
  void answer_left(H2Stream& stream) override;
  Instant next_deadline() override;
  void deadline_passed() override;

  void refuse(H2Exchange& exchange, int status);
  void serve(H2Exchange& exchange);
  void submit_head(H2Exchange& exchange, bool body, const std::size_t* length);
  void end_stalled();

  ServerContext& server_;
  std::uint32_t serving_ = 0;  // fibers, also of streams that were reset
};

}  // namespace perdure::http
