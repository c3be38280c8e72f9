// engine/http/http_over_streams.h
//
// io::Http over byte streams: HTTP/1.1 and HTTP/2 without TLS, server and client.
// The same on real sockets and in the simulator; it asks the world for nothing but
// streams, time and fibers.
//
//     limits.h           bounds, and the Allowance against floods
//     detect.h           which protocol, by the first bytes
//     link.h             a connection's bytes; one write a turn
//     body.h             bodies between the wire and their fibers
//     h1_codec.h         HTTP/1.1 heads and bodies, as values
//     h2_connection.h    HTTP/2 frames, streams, windows (nghttp2 inside)
//     h1_server.h  h2_server.h  server.h         requests that come in
//     h1_client.h  h2_client.h  pool.h           calls that go out
//
// A serving fiber is cancelled when its client takes the request back, or goes.
//
// Life: stop() before the end, from a fiber, after the servers were stopped and the
// calls are gone; or every fiber was killed.
#pragma once

#include <map>
#include <memory>
#include <string_view>

#include "engine/http/limits.h"
#include "engine/http/link.h"
#include "engine/io/clock.h"
#include "engine/io/fibers.h"
#include "engine/io/http.h"
#include "engine/io/streams.h"
#include "engine/io/trace.h"

namespace perdure::http {

class Pool;
struct ClientContext;

class HttpOverStreams final : public io::Http {
 public:
  HttpOverStreams(io::Streams& streams, io::Fibers& fibers, io::Clock& clock, io::Trace& trace,
                  ClientLimits limits = {});
  ~HttpOverStreams() override;
  HttpOverStreams(const HttpOverStreams&) = delete;
  HttpOverStreams& operator=(const HttpOverStreams&) = delete;

  Result<std::unique_ptr<io::HttpServer>> serve(std::string_view address, io::HttpLimits limits,
                                                Serve serve) override;
  Result<std::unique_ptr<io::HttpCall>> call(const io::HttpTarget& target, io::Request request,
                                             Instant deadline) override;
  // Ends the client's connections and all fibers.  Parks.
  void stop();

 private:
  io::Group flushing_;
  Flusher flusher_;
  DateText date_;
  Context context_;
  std::unique_ptr<ClientContext> client_;
  std::map<io::HttpTarget, std::unique_ptr<Pool>> pools_;
};

}  // namespace perdure::http
