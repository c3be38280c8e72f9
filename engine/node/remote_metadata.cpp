#include "engine/node/remote_metadata.h"

#include <algorithm>

#include "engine/io/clock.h"
#include "engine/wire/codec.h"

namespace perdure::node {
namespace {

using control::Proposal;
using control::Versioned;
using control::Write;

// One question waits this long at most before it is asked again.
constexpr Duration patience = std::chrono::seconds(5);
constexpr Duration pause = std::chrono::milliseconds(20);

struct GetRequest {
  std::string key;
  std::uint64_t seen = 0;  // of watch
  static constexpr auto fields = std::tuple(wire::field(1, "key", &GetRequest::key),
                                            wire::field(2, "seen", &GetRequest::seen));
};
struct VersionedReply {
  std::uint64_t version = 0;
  std::string value;
  static constexpr auto fields = std::tuple(wire::field(1, "version", &VersionedReply::version),
                                            wire::field(2, "value", &VersionedReply::value));
};
struct WriteRequest {
  std::string key;
  std::uint64_t expected = 0;
  std::string value;
  static constexpr auto fields = std::tuple(wire::field(1, "key", &WriteRequest::key),
                                            wire::field(2, "expected", &WriteRequest::expected),
                                            wire::field(3, "value", &WriteRequest::value));
};
struct SwapRequest {
  std::uint64_t high = 0, low = 0;
  std::vector<WriteRequest> writes;
  static constexpr auto fields = std::tuple(wire::field(1, "high", &SwapRequest::high),
                                            wire::field(2, "low", &SwapRequest::low),
                                            wire::field(3, "writes", &SwapRequest::writes));
};

Result<Versioned> as_versioned(const std::string& bytes) {
  TRY(reply, wire::decode<VersionedReply>(bytes));
  return Versioned{.version = reply.version, .value = std::move(reply.value)};
}

Result<std::string> as_reply(Result<Versioned> found) {
  if (!found) return std::unexpected(found.error());
  return wire::encode(VersionedReply{.version = found->version, .value = std::move(found->value)});
}

bool ask_again(const Error& error) {
  return error.code == Code::timed_out || error.code == Code::retry_later;
}

}  // namespace

Result<std::string> RemoteMetadata::ask(Verb verb, const std::string& request, Instant deadline) {
  for (;;) {
    const Instant now = world_.clock.steady();
    Result<std::string> answer = rpc_.ask(home_, verb, request, std::min(deadline, now + patience));
    if (answer || !ask_again(answer.error()) || world_.clock.steady() + pause >= deadline) {
      return answer;
    }
    TRY_VOID(world_.fibers.sleep_until(world_.clock.steady() + pause));
  }
}

Result<Versioned> RemoteMetadata::get(std::string_view key, Instant deadline) {
  TRY(bytes, ask(Verb::metadata_get, wire::encode(GetRequest{.key = std::string(key)}), deadline));
  return as_versioned(bytes);
}

Result<void> RemoteMetadata::compare_and_set(Proposal proposal, Instant deadline) {
  SwapRequest request{.high = proposal.id.high, .low = proposal.id.low};
  for (Write& write : proposal.writes) {
    request.writes.push_back(
        {.key = std::move(write.key), .expected = write.expected, .value = std::move(write.value)});
  }
  TRY(done, ask(Verb::metadata_swap, wire::encode(request), deadline));
  (void)done;
  return {};
}

Result<Versioned> RemoteMetadata::wait_newer(std::string_view key, std::uint64_t seen,
                                             Instant deadline) {
  TRY(bytes, ask(Verb::metadata_watch,
                 wire::encode(GetRequest{.key = std::string(key), .seen = seen}), deadline));
  return as_versioned(bytes);
}

void serve_metadata(io::World& world, Rpc& rpc, control::Metadata& store) {
  rpc.serve(Verb::metadata_get, [&world, &store](std::string_view bytes) -> Result<std::string> {
    TRY(request, wire::decode<GetRequest>(bytes));
    return as_reply(store.get(request.key, world.clock.steady() + patience));
  });
  rpc.serve(Verb::metadata_watch, [&world, &store](std::string_view bytes) -> Result<std::string> {
    TRY(request, wire::decode<GetRequest>(bytes));
    return as_reply(store.wait_newer(request.key, request.seen, world.clock.steady() + patience));
  });
  rpc.serve(Verb::metadata_swap, [&world, &store](std::string_view bytes) -> Result<std::string> {
    TRY(request, wire::decode<SwapRequest>(bytes));
    Proposal proposal{.id = {.high = request.high, .low = request.low}};
    for (WriteRequest& write : request.writes) {
      proposal.writes.push_back({.key = std::move(write.key),
                                 .expected = write.expected,
                                 .value = std::move(write.value)});
    }
    TRY_VOID(store.compare_and_set(std::move(proposal), world.clock.steady() + patience));
    return std::string();
  });
}

}  // namespace perdure::node
