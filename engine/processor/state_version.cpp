#include "engine/processor/state_version.h"

#include <openssl/sha.h>

#include <array>

#include "engine/base/bytes.h"
#include "engine/wire/ids.h"

namespace perdure::processor {

std::string state_version(const std::vector<std::pair<std::string, std::string>>& sorted) {
  std::string text;
  std::uint64_t i = 0;
  for (const auto& [key, value] : sorted) {
    put_be(text, i++);
    text.append("\x01").append(key).append("\x02").append(value).append("\x03");
  }
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return wire::base64url({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

}  // namespace perdure::processor
