#include "engine/wire/ids.h"

#include <openssl/sha.h>

#include <algorithm>
#include <array>

#include "engine/base/bytes.h"

namespace perdure::wire {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr std::string_view digits62 =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view digits64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t width64 = 11;   // digits of a 64-bit number
constexpr std::size_t width128 = 22;  // of a 128-bit one

Wide wide(Uuid uuid) { return (Wide{uuid.high} << 64) | uuid.low; }
Uuid narrow(Wide number) {
  return {.high = static_cast<std::uint64_t>(number >> 64),
          .low = static_cast<std::uint64_t>(number)};
}

Wide swap_bytes(Wide number, int bytes) {
  Wide swapped = 0;
  for (int i = 0; i < bytes; ++i) {
    swapped = (swapped << 8) | (number & 0xFF);
    number >>= 8;
  }
  return swapped;
}

std::string to_base62(Wide number, std::size_t width) {
  std::string text(width, '0');
  for (std::size_t i = width; i-- > 0;) {
    text[i] = digits62[static_cast<std::size_t>(number % 62)];
    number /= 62;
  }
  return text;
}

// Error when a character is no digit or the number needs more than `bytes` bytes.
Result<Wide> from_base62(std::string_view text, int bytes) {
  Wide number = 0;
  for (const char c : text) {
    const std::size_t digit = digits62.find(c);
    if (digit == std::string_view::npos) {
      return fail(Code::invalid, std::string("'") + c + "' is not a base-62 digit");
    }
    const Wide next = number * 62 + digit;
    if (number > (~Wide{0} - digit) / 62) return fail(Code::invalid, "number is too large");
    number = next;
  }
  if (bytes < 16 && (number >> (bytes * 8)) != 0) return fail(Code::invalid, "number is too large");
  return number;
}

Result<std::string_view> after_prefix(std::string_view text, std::string_view prefix,
                                      std::size_t digits) {
  if (!text.starts_with(prefix)) {
    return fail(Code::invalid, "expected '" + std::string(prefix) + "' in front");
  }
  text.remove_prefix(prefix.size());
  if (text.size() != digits) {
    return fail(Code::invalid, "expected " + std::to_string(digits) + " characters after '" +
                                   std::string(prefix) + "', got " + std::to_string(text.size()));
  }
  return text;
}

Uuid sha256_front(std::string_view bytes) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
  const std::string_view front(reinterpret_cast<const char*>(digest.data()), 16);
  return {.high = get_be<std::uint64_t>(front), .low = get_be<std::uint64_t>(front.substr(8))};
}

}  // namespace

std::string InvocationId::bytes() const {
  std::string out;
  out.reserve(24);
  put_be(out, partition_key);
  put_be(out, uuid.high);
  put_be(out, uuid.low);
  return out;
}

Result<InvocationId> InvocationId::from_bytes(std::string_view bytes) {
  if (bytes.size() != 24) return fail(Code::invalid, "an invocation id has 24 bytes");
  return InvocationId{.partition_key = get_be<std::uint64_t>(bytes),
                      .uuid = {.high = get_be<std::uint64_t>(bytes.substr(8)),
                               .low = get_be<std::uint64_t>(bytes.substr(16))}};
}

std::string InvocationId::text() const {
  return "inv_1" + base62(partition_key) + to_base62(swap_bytes(wide(uuid), 16), width128);
}

Result<InvocationId> InvocationId::from_text(std::string_view text) {
  TRY(digits, after_prefix(text, "inv_1", width64 + width128));
  TRY(key, from_base62(digits.substr(0, width64), 8));
  TRY(uuid, from_base62(digits.substr(width64), 16));
  return InvocationId{.partition_key = static_cast<std::uint64_t>(swap_bytes(key, 8)),
                      .uuid = narrow(swap_bytes(uuid, 16))};
}

std::string DeploymentId::bytes() const {
  std::string out;
  put_be(out, ulid.high);
  put_be(out, ulid.low);
  return out;
}

Result<DeploymentId> DeploymentId::from_bytes(std::string_view bytes) {
  if (bytes.size() != 16) return fail(Code::invalid, "a deployment id has 16 bytes");
  return DeploymentId{
      {.high = get_be<std::uint64_t>(bytes), .low = get_be<std::uint64_t>(bytes.substr(8))}};
}

std::string DeploymentId::text() const {
  return "dp_1" + to_base62(swap_bytes(wide(ulid), 16), width128);
}

Result<DeploymentId> DeploymentId::from_text(std::string_view text) {
  TRY(digits, after_prefix(text, "dp_1", width128));
  TRY(ulid, from_base62(digits, 16));
  return DeploymentId{narrow(swap_bytes(ulid, 16))};
}

std::string AwakeableId::text() const {
  std::string raw = invocation.bytes();
  put_be(raw, signal);
  return "sign_1" + base64url(raw);
}

Result<AwakeableId> AwakeableId::from_text(std::string_view text) {
  if (!text.starts_with("sign_1") && !text.starts_with("prom_1")) {
    return fail(Code::invalid, "expected 'sign_1' or 'prom_1' in front");
  }
  std::string_view digits = text.substr(6);
  for (int padding = 0; padding < 2 && digits.ends_with('='); ++padding) digits.remove_suffix(1);
  TRY(raw, base64url_decode(digits));
  if (raw.size() != 28) return fail(Code::invalid, "an awakeable id has 28 bytes");
  TRY(invocation, InvocationId::from_bytes(std::string_view(raw).substr(0, 24)));
  return AwakeableId{.invocation = invocation,
                     .signal = get_be<std::uint32_t>(std::string_view(raw).substr(24))};
}

Uuid ulid(WallTime at, std::uint64_t chance_high, std::uint64_t chance_low) {
  const auto ms = static_cast<std::uint64_t>(at.time_since_epoch().count());
  return {.high = (ms << 16) | (chance_high & 0xFFFF), .low = chance_low};
}

std::string ulid_text(Uuid uuid) {
  constexpr std::string_view digits32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  Wide number = wide(uuid);
  std::string text(26, '0');
  for (std::size_t i = 26; i-- > 0;) {
    text[i] = digits32[static_cast<std::size_t>(number & 31)];
    number >>= 5;
  }
  return text;
}

Uuid workflow_uuid(std::string_view service, std::string_view key) {
  return sha256_front(std::string("wf,").append(service).append(",").append(key));
}

Uuid idempotent_uuid(std::string_view service, std::optional<std::string_view> key,
                     std::string_view handler, std::string_view idempotency_key) {
  std::string text = "ik,";
  text.append(service);
  if (key) text.append(",").append(*key);
  text.append(",").append(handler).append(",").append(idempotency_key);
  return sha256_front(text);
}

// Hashes are of what Rust's Hash feeds them: a text is its bytes and then 0xFF.
std::uint64_t keyed_partition_key(std::string_view key) {
  return hash64(std::string(key).append("\xFF"));
}

std::uint64_t unkeyed_partition_key(std::string_view service, std::uint64_t bucket) {
  std::string text = std::string(service).append("\xFF").append("unscoped/service").append("\xFF");
  for (int i = 0; i < 8; ++i) text.push_back(static_cast<char>((bucket >> (8 * i)) & 0xFF));
  return hash64(text);
}

std::uint64_t idempotent_bucket(std::string_view idempotency_key) {
  return keyed_partition_key(idempotency_key) % unkeyed_buckets;
}

PartitionId partition_of(std::uint64_t partition_key, std::uint64_t partitions) {
  return PartitionId(static_cast<std::uint64_t>((Wide{partition_key} * partitions) >> 64));
}

std::uint64_t partition_start(PartitionId partition, std::uint64_t partitions) {
  const Wide space = Wide{1} << 64;
  return static_cast<std::uint64_t>((Wide{partition.raw()} * space + partitions - 1) / partitions);
}

std::string base62(std::uint64_t number) { return to_base62(swap_bytes(number, 8), width64); }

std::string base64url(std::string_view bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t here = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = (group << 8) | (k < here ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    }
    for (std::size_t k = 0; k <= here; ++k) text += digits64[(group >> (18 - 6 * k)) & 63];
  }
  return text;
}

Result<std::string> base64url_decode(std::string_view text) {
  std::string bytes;
  std::uint32_t group = 0;
  int bits = 0;
  for (const char c : text) {
    const std::size_t digit = digits64.find(c);
    if (digit == std::string_view::npos) {
      return fail(Code::invalid, std::string("'") + c + "' is not a base64url digit");
    }
    group = ((group << 6) | static_cast<std::uint32_t>(digit)) & 0xFFFFFF;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes.push_back(static_cast<char>((group >> bits) & 0xFF));
    }
  }
  if (bits >= 6) return fail(Code::invalid, "base64url text is cut off");
  if ((group & ((1u << bits) - 1)) != 0) return fail(Code::invalid, "bits are left over");
  return bytes;
}

}  // namespace perdure::wire
