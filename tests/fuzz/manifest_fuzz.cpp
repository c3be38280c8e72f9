// What a deployment may say of itself: a value or a complaint.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "engine/control/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto manifest =
      perdure::control::manifest_from_json({reinterpret_cast<const char*>(bytes), size});
  if (!manifest && manifest.error().message.empty()) std::abort();
  return 0;
}
