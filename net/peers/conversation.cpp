#include "net/peers/conversation.h"

#include <array>

#include "engine/base/bytes.h"

namespace perdure::net {

Result<void> write_all(MovableStream& stream, std::string_view bytes, Instant deadline) {
  while (!bytes.empty()) {
    TRY(count, stream.write(as_bytes(bytes), deadline));
    bytes.remove_prefix(count);
  }
  return {};
}

Result<std::string> expect(MovableStream& stream, FrameDecoder& decoder, FrameKind kind,
                           Instant deadline) {
  std::optional<WireFrame> frame = decoder.next();
  while (!frame) {
    std::array<std::byte, 4096> buffer;
    TRY(count, stream.read(buffer, deadline));
    if (count == 0) return fail(Code::failed, "the other side closed the connection");
    TRY_VOID(decoder.take({reinterpret_cast<const char*>(buffer.data()), count}));
    frame = decoder.next();
  }
  if (frame->kind == kind) return std::move(frame->body);
  if (frame->kind != FrameKind::refusal) {
    return fail(Code::corrupt, "an unexpected message of the peer protocol");
  }
  TRY(refusal, wire::decode<Refusal>(frame->body));
  return fail(refusal.crossed ? Code::conflict : Code::invalid, refusal.why);
}

}  // namespace perdure::net
