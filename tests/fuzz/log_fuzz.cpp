// What another node may say to a log server: frames of stores and answers, and questions.
// Whatever it is, it decodes to something or to an error, and a frame that decodes is whole.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/base/check.h"
#include "engine/log/messages.h"
#include "engine/log/server.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace perdure;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto kind = log::kind_of_frame(bytes)) {
    if (const auto store = log::decode_store(bytes)) {
      std::size_t records = 0;
      for (const std::string_view record : store->records) records += record.size() + 4;
      CHECK(records < size);
    }
    (void)log::decode_stored(bytes);
  }
  if (const auto question = wire::decode<log::Question>(bytes)) (void)log::loglet_of(*question);
  return 0;
}
