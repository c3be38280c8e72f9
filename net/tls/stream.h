// net/tls/stream.h
//
// TLS over a socket, in the shape of a stream; who is let in is credentials.h's, how bytes
// get through is record_socket.h's.
//
// A write whose record finds no room in the socket has happened nevertheless: it returns,
// and the next one waits until that record has left.
//
// finish() is TLS's close_notify, then the end of the socket's output; reading goes on.
// An end of the socket without close_notify is an error: somebody may have cut it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "net/sockets/movable_stream.h"
#include "net/sockets/stream.h"
#include "net/tls/credentials.h"
#include "net/tls/record_socket.h"

namespace perdure::net {

class TlsStream final : public MovableStream {
 public:
  // Parks until both sides have shown who they are.  Errors: timed_out, cancelled, failed.
  // The dialer is through before the other side has looked at its certificate: when that
  // is refused, the first read says so.
  static Result<std::unique_ptr<TlsStream>> shake_hands(Loop& loop,
                                                        std::unique_ptr<SocketStream> socket,
                                                        const Credentials& credentials,
                                                        TlsSide side, Instant deadline);
  ~TlsStream() override;

  Result<std::size_t> read(std::span<std::byte> into, Instant deadline) override;
  Result<std::size_t> write(std::span<const std::byte> bytes, Instant deadline) override;
  void finish() override;
  void reset() override;
  bool arrived() const override { return records_->arrived(); }
  std::string peer() const override;

  Result<std::size_t> write_pieces(std::span<const iovec> pieces, Instant deadline) override;
  Result<std::string> peek(Instant deadline) override;
  Anew move_out() override;

 private:
  TlsStream(std::shared_ptr<RecordSocket> records, TlsSession session);

  Result<void> shake_hands(Instant deadline);
  Result<void> put(std::span<const std::byte> bytes);
  // After a call of OpenSSL that gave nothing: parks until another may.  False: the other
  // side has finished.  Errors: timed_out, cancelled, failed.
  Result<bool> get_on(Instant deadline);
  std::unexpected<Error> broken();

  const std::shared_ptr<RecordSocket> records_;
  TlsSession session_;
  std::unique_ptr<std::byte[]> gathered_;  // pieces that become one record
  std::optional<Error> broken_;            // for good: OpenSSL must not be asked again
  bool ended_ = false, finished_ = false;  // theirs, ours
};

}  // namespace perdure::net
