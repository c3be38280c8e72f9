#include "net/peers/handshake.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>

namespace perdure::net {
namespace {

std::string proof_of(std::string_view side, const Hello& hello, Challenge challenge,
                     std::string_view secret) {
  challenge.proof.clear();
  const std::string one = wire::encode(hello), two = wire::encode(challenge);
  std::string message(side);
  message += " " + std::to_string(one.size()) + " ";
  return hmac_sha256(secret, message + one + two);
}

constexpr std::string_view another_secret = "the secret of the other node is another one";

}  // namespace

std::string hmac_sha256(std::string_view key, std::string_view message) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  ::HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char*>(message.data()), message.size(), digest.data(),
         &size);
  return {reinterpret_cast<const char*>(digest.data()), size};
}

bool same_bytes(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

Hello hello_of(const host::Introduction& introduction, Nonce nonce) {
  return {.cluster = introduction.identity.cluster,
          .fingerprint = introduction.identity.fingerprint,
          .node = introduction.identity.node.raw(),
          .incarnation = introduction.identity.incarnation,
          .shard = introduction.self.shard,
          .wanted_node = introduction.wanted.node.raw(),
          .wanted_shard = introduction.wanted.shard,
          .nonce_high = nonce.high,
          .nonce_low = nonce.low};
}

host::Introduction introduction_of(const Hello& hello) {
  return {.identity = {.node = NodeId(hello.node),
                       .incarnation = hello.incarnation,
                       .cluster = hello.cluster,
                       .fingerprint = hello.fingerprint},
          .self = {.node = NodeId(hello.node), .shard = hello.shard},
          .wanted = {.node = NodeId(hello.wanted_node), .shard = hello.wanted_shard}};
}

Result<Challenge> challenge(const io::Identity& mine, std::uint32_t my_shards, const Hello& hello,
                            Nonce nonce, std::string_view secret) {
  if (hello.oldest > newest_version || hello.newest < oldest_version) {
    return fail(Code::invalid, "peer protocol " + std::to_string(hello.oldest) + " to " +
                                   std::to_string(hello.newest) + " is not known here");
  }
  if (const auto why = host::objection(mine, my_shards, introduction_of(hello), 0)) {
    return fail(Code::invalid, *why);
  }
  Challenge made = {.version = std::min(newest_version, hello.newest),
                    .node = mine.node.raw(),
                    .incarnation = mine.incarnation,
                    .nonce_high = nonce.high,
                    .nonce_low = nonce.low,
                    .proof = {}};
  made.proof = proof_of("acceptor", hello, made, secret);
  return made;
}

Result<Proof> prove(const host::Introduction& mine, const Hello& hello, const Challenge& theirs,
                    std::string_view secret) {
  if (theirs.version < oldest_version || theirs.version > newest_version) {
    return fail(Code::invalid, "peer protocol " + std::to_string(theirs.version) + " is not known");
  }
  if (NodeId(theirs.node) != mine.wanted.node) {
    return fail(Code::invalid, "this is node " + std::to_string(theirs.node) + ", not " +
                                   std::to_string(mine.wanted.node.raw()));
  }
  if (!same_bytes(theirs.proof, proof_of("acceptor", hello, theirs, secret))) {
    return fail(Code::invalid, std::string(another_secret));
  }
  return Proof{.proof = proof_of("dialer", hello, theirs, secret)};
}

Result<void> verify(const Hello& hello, const Challenge& mine, const Proof& theirs,
                    std::string_view secret) {
  if (same_bytes(theirs.proof, proof_of("dialer", hello, mine, secret))) return {};
  return fail(Code::invalid, std::string(another_secret));
}

}  // namespace perdure::net
