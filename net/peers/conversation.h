// net/peers/conversation.h
//
// The words of a handshake on a stream: one message said, one expected.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/result.h"
#include "net/peers/framing.h"
#include "net/peers/handshake.h"
#include "net/sockets/movable_stream.h"

namespace perdure::net {

Result<void> write_all(MovableStream& stream, std::string_view bytes, Instant deadline);

// The next frame; it must be of that kind.  Errors: those of the stream; corrupt;
// invalid (the other side refused: why); conflict (its own dial crosses ours and stays).
Result<std::string> expect(MovableStream& stream, FrameDecoder& decoder, FrameKind kind,
                           Instant deadline);

template <class Message>
Result<void> say(MovableStream& stream, FrameKind kind, const Message& message, Instant deadline) {
  return write_all(stream, whole_frame(kind, wire::encode(message)), deadline);
}

}  // namespace perdure::net
