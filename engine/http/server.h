// engine/http/server.h
//
// io::HttpServer over a Listener: accepts, finds out which protocol a connection
// speaks, and ends.  What a connection says is in h1_server.h and h2_server.h.
//
//     accept fiber ──► connection fiber: first bytes ──► H1Server or H2Server ──► read on
//                                                          └─► serve fibers, one a request
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "engine/http/link.h"
#include "engine/io/http.h"

namespace perdure::http {

// What the connections of one server share.
struct ServerContext {
  io::HttpLimits limits;
  io::Http::Serve serve;
  io::Group group;  // of all its fibers
};

class ServerConnection {
 public:
  virtual ~ServerConnection() = default;
  virtual void run(std::string_view first_bytes) = 0;  // the connection's fiber
  virtual void stop() = 0;  // no new requests; ends when those there are have ended
};

class Server final : public io::HttpServer {
 public:
  Server(Context& context, std::unique_ptr<io::Listener> listener, io::HttpLimits limits,
         io::Http::Serve serve);
  ~Server() override;

  std::string address() const override { return address_; }
  void stop(Instant deadline) override;  // a second call waits for the first

 private:
  struct Accepted;

  void accept_all();
  void begin(std::unique_ptr<io::Stream> stream);
  void run(Accepted& accepted);
  void open(Accepted& accepted, io::HttpVersion version);
  void forget(Accepted& accepted);

  Context& context_;
  ServerContext shared_;
  std::unique_ptr<io::Listener> listener_;
  const std::string address_;
  io::FiberId accepter_;
  bool stopping_ = false;
  std::map<std::uint64_t, std::unique_ptr<Accepted>> connections_;
  std::uint64_t accepted_ = 0;
  io::Event emptied_, stopped_;
  bool has_stopped_ = false;
};

}  // namespace perdure::http
