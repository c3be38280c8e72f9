#include "net/secret.h"

#include <charconv>
#include <fstream>

#include "net/peers/handshake.h"

namespace perdure::net {
namespace {

constexpr std::size_t secret_bytes_least = 16;

std::string hexadecimal(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    text += digits[static_cast<unsigned char>(byte) >> 4];
    text += digits[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}

std::string sum(std::string_view secret, const io::Request& request, std::string_view body,
                std::int64_t at) {
  std::string message = std::to_string(at) + "\n" + request.method + "\n" + request.target + "\n";
  return hexadecimal(hmac_sha256(secret, message.append(body)));
}

std::int64_t milliseconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

}  // namespace

Result<std::string> read_secret(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!file || !std::getline(file, line)) return fail(Code::failed, "cannot read '" + path + "'");
  const std::size_t first = line.find_first_not_of(" \t\r");
  const std::size_t last = line.find_last_not_of(" \t\r");
  line = first == std::string::npos ? "" : line.substr(first, last - first + 1);
  if (line.size() < secret_bytes_least) {
    return fail(Code::invalid, "the secret in '" + path + "' is shorter than " +
                                   std::to_string(secret_bytes_least) + " bytes");
  }
  return line;
}

io::Header proof_of(std::string_view secret, const io::Request& request, std::string_view body,
                    WallTime now) {
  const std::int64_t at = milliseconds(now);
  return {std::string(proof_header), std::to_string(at) + " " + sum(secret, request, body, at)};
}

Result<void> admit(std::string_view secret, const io::Request& request, std::string_view body,
                   WallTime now) {
  const std::string* const shown = io::find_header(request.headers, proof_header);
  if (!shown) return fail(Code::fenced, "this asks for a proof of the cluster's secret");
  std::int64_t at = 0;
  const auto [end, error] = std::from_chars(shown->data(), shown->data() + shown->size(), at);
  const bool whole = error == std::errc() && end != shown->data() + shown->size() && *end == ' ';
  if (!whole) return fail(Code::fenced, "the proof of the secret is malformed");
  const std::int64_t age = milliseconds(now) - at;
  const auto most = std::chrono::duration_cast<std::chrono::milliseconds>(proof_age_max).count();
  if (age > most || age < -most) {
    return fail(Code::fenced, "the proof of the secret is too old, or the clocks differ");
  }
  const std::string_view theirs(end + 1, shown->data() + shown->size());
  if (!same_bytes(theirs, sum(secret, request, body, at))) {
    return fail(Code::fenced, "the proof does not hold: another secret, or another request");
  }
  return {};
}

}  // namespace perdure::net
