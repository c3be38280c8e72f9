// What a stranger may send to the node port, as far as it is decoded: frames, and the
// messages of the handshake in them.  The first byte says how the rest is cut; the rest is
// also taken for the body of a message whose frame was good.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "net/peers/framing.h"
#include "net/peers/handshake.h"

using namespace perdure;
using namespace perdure::net;

namespace {

void look_at(const WireFrame& frame) {
  const io::Identity me = {.node = NodeId(2), .incarnation = 1, .cluster = "c", .fingerprint = 1};
  switch (frame.kind) {
    case FrameKind::hello: {
      const auto hello = wire::decode<Hello>(frame.body);
      if (!hello) break;
      const auto challenged = challenge(me, 2, *hello, {.high = 1, .low = 2}, "secret");
      if (challenged && hello->cluster != me.cluster) std::abort();
      break;
    }
    case FrameKind::challenge: {
      const host::Introduction mine = {.identity = me, .self = {}, .wanted = {.node = NodeId(1)}};
      const auto theirs = wire::decode<Challenge>(frame.body);
      if (theirs && prove(mine, hello_of(mine, {}), *theirs, "secret")) std::abort();  // a guess
      break;
    }
    case FrameKind::proof: (void)wire::decode<Proof>(frame.body); break;
    case FrameKind::refusal: (void)wire::decode<Refusal>(frame.body); break;
    default: break;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = 1 + bytes[0];
  std::string_view input(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  look_at({.kind = static_cast<FrameKind>(1 + bytes[0] % 5), .body = std::string(input)});
  FrameDecoder decoder(handshake_bytes_max);
  while (!input.empty()) {
    const bool good = decoder.take(input.substr(0, piece)).has_value();
    while (const auto frame = decoder.next()) look_at(*frame);
    if (!good) break;
    input.remove_prefix(std::min(piece, input.size()));
  }
  return 0;
}
