#include "engine/http/pool.h"

#include <utility>

#include "engine/http/h1_client.h"
#include "engine/http/h2_client.h"

namespace perdure::http {
namespace {

// Authorities leave out the port that goes without saying.
std::string with_port(const std::string& authority) {
  const std::size_t colon = authority.rfind(':');
  const std::size_t bracket = authority.rfind(']');
  const bool has_port =
      colon != std::string::npos && (bracket == std::string::npos || bracket < colon);
  return has_port ? authority : authority + ":80";
}

}  // namespace

struct Pool::Member {
  std::uint64_t number = 0;
  std::unique_ptr<ClientConnection> connection;  // none: it is being opened
};

Pool::Pool(Context& context, ClientContext& client, io::HttpTarget target)
    : context_(context), client_(client), target_(std::move(target)), changed_(context.fibers) {}

Pool::~Pool() = default;

Result<std::unique_ptr<io::HttpCall>> Pool::call(io::Request request, Instant deadline) {
  while (true) {
    if (client_.group.cancelled()) return fail(Code::cancelled, "http is being stopped");
    if (ClientConnection* const connection = with_room()) {
      return connection->open(std::move(request));
    }
    const std::uint64_t failures = failures_;
    ++waiting_;
    connect_if_needed();
    const auto woken = changed_.wait(deadline);
    --waiting_;
    if (!woken) return std::unexpected(woken.error());
    if (failures_ != failures && with_room() == nullptr) return std::unexpected(last_failure_);
  }
}

ClientConnection* Pool::with_room() {
  for (const auto& [number, member] : members_) {
    if (member->connection != nullptr && member->connection->has_room()) {
      return member->connection.get();
    }
  }
  return nullptr;
}

void Pool::connect_if_needed() {
  const bool shared = target_.version == io::HttpVersion::http2;
  const std::size_t expected = connecting_ * (shared ? client_.limits.streams_per_connection : 1);
  if (waiting_ <= expected || members_.size() >= client_.limits.connections_per_target) return;
  for (const auto& [number, member] : members_) {
    const bool another_would_not_help =
        member->connection != nullptr && shared && !member->connection->busy();
    if (another_would_not_help) return;
  }
  auto made = std::make_unique<Member>();
  Member& member = *made;
  member.number = ++numbers_;
  members_.emplace(member.number, std::move(made));
  ++connecting_;
  client_.group.start("http.connect", [this, &member] { connect(member); });
}

void Pool::connect(Member& member) {
  auto stream = context_.streams.connect(with_port(target_.authority),
                                         context_.fibers.now() + client_.limits.connect);
  --connecting_;
  if (!stream) {
    // Nothing was sent, so even a connect that timed out leaves nothing in doubt.
    ++failures_;
    last_failure_ = {Code::failed,
                     "connect to " + target_.authority + ": " + stream.error().detail};
    context_.trace.count("http.connects.failed");
    changed_.notify_all();
    return forget(member);
  }
  context_.trace.count("http.connects");
  auto link =
      std::make_unique<Link>(context_, client_.group, *std::move(stream), client_.limits.idle);
  auto over = [this, &member] { forget(member); };
  if (target_.version == io::HttpVersion::http2) {
    member.connection = std::make_unique<H2Client>(context_, client_, *this, target_,
                                                   std::move(link), std::move(over));
  } else {
    member.connection = std::make_unique<H1Client>(context_, client_, *this, target_,
                                                   std::move(link), std::move(over));
  }
  changed_.notify_all();
  member.connection->run();  // member may be gone afterwards
}

void Pool::forget(Member& member) {
  members_.erase(member.number);
  changed_.notify_all();  // whoever waits for room must look for another
}

void Pool::say_goodbye() {
  for (const auto& [number, member] : members_) {
    if (member->connection != nullptr) member->connection->say_goodbye();
  }
}

}  // namespace perdure::http
