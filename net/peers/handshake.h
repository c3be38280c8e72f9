// net/peers/handshake.h
//
// How two nodes make sure of each other, as values:
//
//     dialer                                             acceptor
//        hello {identity, self, wanted, nonce} ─────────►  wrong cluster, node?  refusal
//        ◄───────── challenge {node, incarnation, nonce, proof of the secret}
//        proof of the secret ───────────────────────────►
//        ◄─────────────────────────── welcome, from the shard that was wanted
//
// A proof is HMAC-SHA256 under the secret of the cluster, over a word that tells the two
// sides apart and over both messages with their nonces: it cannot be had from the other
// side by reflection, nor used twice.  Without a secret the same is done with an empty
// one, so that a node that has one and a node that has none refuse each other.
//
// Not here   privacy: frames are readable on the way, unless TLS is below (net/tls).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

#include "engine/base/result.h"
#include "engine/io/peers.h"
#include "engine/wire/codec.h"
#include "host/peering.h"

namespace perdure::net {

inline constexpr std::uint32_t oldest_version = 1, newest_version = 1;  // of the peer protocol
inline constexpr std::size_t handshake_bytes_max = 4096;                // one message

struct Hello {
  std::uint32_t oldest = oldest_version, newest = newest_version;
  std::string cluster;
  std::uint64_t fingerprint = 0;
  std::uint64_t node = 0, incarnation = 0;
  std::uint32_t shard = 0;
  std::uint64_t wanted_node = 0;
  std::uint32_t wanted_shard = 0;
  std::uint64_t nonce_high = 0, nonce_low = 0;
  static constexpr auto fields = std::tuple(
      wire::field(1, "oldest", &Hello::oldest), wire::field(2, "newest", &Hello::newest),
      wire::field(3, "cluster", &Hello::cluster),
      wire::field(4, "fingerprint", &Hello::fingerprint), wire::field(5, "node", &Hello::node),
      wire::field(6, "incarnation", &Hello::incarnation), wire::field(7, "shard", &Hello::shard),
      wire::field(8, "wanted_node", &Hello::wanted_node),
      wire::field(9, "wanted_shard", &Hello::wanted_shard),
      wire::field(10, "nonce_high", &Hello::nonce_high),
      wire::field(11, "nonce_low", &Hello::nonce_low));
};

struct Challenge {
  std::uint32_t version = 0;  // that both will speak
  std::uint64_t node = 0, incarnation = 0;
  std::uint64_t nonce_high = 0, nonce_low = 0;
  std::string proof;
  static constexpr auto fields = std::tuple(wire::field(1, "version", &Challenge::version),
                                            wire::field(2, "node", &Challenge::node),
                                            wire::field(3, "incarnation", &Challenge::incarnation),
                                            wire::field(4, "nonce_high", &Challenge::nonce_high),
                                            wire::field(5, "nonce_low", &Challenge::nonce_low),
                                            wire::field(6, "proof", &Challenge::proof));
};

struct Proof {
  std::string proof;
  static constexpr auto fields = std::tuple(wire::field(1, "proof", &Proof::proof));
};

struct Refusal {
  std::string why;
  bool crossed = false;  // our own dial stays: wait for it
  static constexpr auto fields = std::tuple(wire::field(1, "why", &Refusal::why),
                                            wire::field(2, "crossed", &Refusal::crossed));
};

struct Nonce {
  std::uint64_t high = 0, low = 0;
};

Hello hello_of(const host::Introduction& introduction, Nonce nonce);
host::Introduction introduction_of(const Hello& hello);

// The acceptor's word.  Error: invalid, why it refuses.
Result<Challenge> challenge(const io::Identity& mine, std::uint32_t my_shards, const Hello& hello,
                            Nonce nonce, std::string_view secret);
// The dialer's.  Error: invalid, why it refuses.
Result<Proof> prove(const host::Introduction& mine, const Hello& hello, const Challenge& theirs,
                    std::string_view secret);
// The acceptor's last look.  Error: invalid.
Result<void> verify(const Hello& hello, const Challenge& mine, const Proof& theirs,
                    std::string_view secret);

std::string hmac_sha256(std::string_view key, std::string_view message);
bool same_bytes(std::string_view a, std::string_view b);  // in constant time

}  // namespace perdure::net
