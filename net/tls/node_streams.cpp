#include "net/tls/node_streams.h"

#include "net/tls/stream.h"

namespace perdure::net {

Result<std::unique_ptr<MovableStream>> NodeStreams::open(std::string_view address,
                                                         Instant deadline) const {
  TRY(socket, sockets_.open(address, deadline));
  if (!secure()) return std::move(socket);
  TRY(stream,
      TlsStream::shake_hands(loop_, std::move(socket), *credentials_, TlsSide::dials, deadline));
  return std::move(stream);
}

Result<std::unique_ptr<MovableStream>> NodeStreams::accepted(std::unique_ptr<SocketStream> socket,
                                                             Instant deadline) const {
  TRY(stream,
      TlsStream::shake_hands(loop_, std::move(socket), *credentials_, TlsSide::accepts, deadline));
  return std::move(stream);
}

Result<std::unique_ptr<io::Stream>> NodeStreams::connect(std::string_view address,
                                                         Instant deadline) {
  TRY(stream, open(address, deadline));
  return std::move(stream);
}

Result<std::unique_ptr<io::Listener>> NodeStreams::listen(std::string_view address) {
  return sockets_.listen(address);
}

}  // namespace perdure::net
