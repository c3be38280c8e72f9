// net/tls/record_socket.h
//
// A socket in OpenSSL's hands: a BIO that tries it and never parks.
//
//     OpenSSL ─ record ─► socket takes it ────────────────────────────► kernel
//                            └─ no room ─► `unsent` ─ fiber "tls.send" ─┘
//     OpenSSL ◄──────────── socket, or "later" ◄──────────────────────── kernel
//
// Fibers change hands only outside of OpenSSL, and nothing is copied for it that it need
// not copy itself.  A record that was made cannot be taken back: what finds no room stays
// here, and nobody makes another one meanwhile (wait_for_room).
//
// Bounds: `unsent` holds what was made since there was room: a record and a few alerts.
// One that was left with something unsent keeps its socket for linger_max.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "engine/io/fibers.h"
#include "net/loop/loop.h"
#include "net/sockets/stream.h"
#include "net/tls/credentials.h"

struct bio_st;

namespace perdure::net {

class RecordSocket : public std::enable_shared_from_this<RecordSocket> {
 public:
  RecordSocket(Loop& loop, std::unique_ptr<SocketStream> socket);
  ~RecordSocket();

  // This is what `session` reads and writes from now on.
  void serve(TlsSession& session);

  // Parks until OpenSSL may find more.  Errors: timed_out, cancelled.
  Result<void> wait_to_read(Instant deadline) { return socket_->wait_to_read(deadline); }
  // Parks until nothing is unsent.  Errors: timed_out, cancelled, failed.
  Result<void> wait_for_room(Instant deadline);
  bool has_room() const { return unsent_.empty() && !failure_; }
  SocketStream& socket() { return *socket_; }
  host::Scheduler& scheduler() { return loop_.scheduler; }

  // What the socket said for good, which OpenSSL does not pass on.  What had come before
  // can be read nevertheless.
  const std::optional<Error>& failure() const { return failure_; }

  bool arrived() const { return unsent_.empty() && socket_->arrived(); }
  void end_output();  // once all has left
  void reset();
  // Nobody will ask again: all is to leave, then the socket is closed.
  void leave();

  // What another loop needs to go on; afterwards only the destructor may be called.
  struct Belongings {
    Fd socket;
    SocketAddress peer;
    std::string unsent;
  };
  Belongings move_out();
  // Of such.
  static std::shared_ptr<RecordSocket> make(Loop& loop, Belongings belongings);

 private:
  friend struct RecordBio;

  void send(std::span<const std::byte> record);
  void start_sending();
  void send_on();
  void broke(Error why);

  Loop& loop_;
  const std::unique_ptr<SocketStream> socket_;
  std::string unsent_;
  io::Event room_;
  std::optional<Error> failure_;
  bool read_to_end_ = false;
  bool end_wanted_ = false;  // of our output
  bool left_ = false;
};

}  // namespace perdure::net
