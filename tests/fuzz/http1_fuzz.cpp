// What a client may say to an HTTP/1.1 server.  The first byte says how the rest is cut.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "tests/engine/http/harness.h"

using perdure::http::test::House;
using perdure::http::test::RawClient;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  House house;
  house.limits.head_bytes = 1024;
  house.limits.body_buffer_bytes = 512;
  const std::size_t piece = 1 + bytes[0];
  house.pipes.cut = [piece](std::size_t available) { return std::min(piece, available); };
  const std::string_view input(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  const bool ended = house.run(perdure::http::test::echo(house), [&] {
    RawClient client(house);
    client.say(input);
    (void)client.hear();
    client.finish();
    (void)client.hear();
  });
  if (!ended) std::abort();  // a fiber hangs
  return 0;
}
