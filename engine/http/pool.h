// engine/http/pool.h
//
// The connections to one target.  A call takes the first that has room; when none
// has, it waits while another is opened, in a fiber that belongs to nobody's call.
//
//     call ──► room? ──yes──► ClientConnection::open ──► HttpCall
//               │ no                      ▲
//               └─► connect fiber ────────┘ then it reads, as long as the connection lives
//
// A connection leaves the pool when its peer says goodbye, when it broke, or when it
// was idle for long.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "engine/base/result.h"
#include "engine/http/limits.h"
#include "engine/http/link.h"
#include "engine/io/http.h"

namespace perdure::http {

class Pool;

// What the connections of all pools share.
struct ClientContext {
  ClientLimits limits;
  io::Group group;  // of their fibers
};

class ClientConnection {
 public:
  virtual ~ClientConnection() = default;
  virtual void run() = 0;  // the connection's fiber
  virtual bool has_room() const = 0;
  // It has none because calls are open; not because the other side wants none.
  virtual bool busy() const = 0;
  virtual std::unique_ptr<io::HttpCall> open(io::Request request) = 0;
  virtual void say_goodbye() = 0;  // ends when its calls have ended
};

class Pool {
 public:
  Pool(Context& context, ClientContext& client, io::HttpTarget target);
  ~Pool();

  Result<std::unique_ptr<io::HttpCall>> call(io::Request request, Instant deadline);
  void say_goodbye();  // no connection takes calls any more
  void room_came() { changed_.notify_one(); }
  bool empty() const { return members_.empty(); }

 private:
  struct Member;

  ClientConnection* with_room();
  void connect_if_needed();
  void connect(Member& member);
  void forget(Member& member);

  Context& context_;
  ClientContext& client_;
  const io::HttpTarget target_;
  io::Event changed_;  // room came, or a connect failed
  std::map<std::uint64_t, std::unique_ptr<Member>> members_;
  std::uint64_t numbers_ = 0;
  std::size_t waiting_ = 0;     // calls
  std::size_t connecting_ = 0;  // members without a connection yet
  std::uint64_t failures_ = 0;
  Error last_failure_{Code::failed, ""};
};

}  // namespace perdure::http
