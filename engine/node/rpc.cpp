#include "engine/node/rpc.h"

#include <utility>
#include <vector>

#include "engine/base/bytes.h"
#include "engine/base/check.h"
#include "engine/io/random.h"
#include "engine/io/trace.h"

namespace perdure::node {
namespace {

// Frame: kind u8 │ question u64 │ verb u8 or code u8 │ bytes
enum class Kind : std::uint8_t { question = 1, answer = 2, message = 3 };
constexpr std::size_t head_bytes = 1 + 8 + 1;
constexpr std::uint8_t answered_ok = 0xFF;  // in the place of an error's code

std::string frame(Kind kind, std::uint64_t question, std::uint8_t what, std::string_view bytes) {
  std::string out;
  out.reserve(head_bytes + bytes.size());
  out.push_back(static_cast<char>(kind));
  put_be(out, question);
  out.push_back(static_cast<char>(what));
  out.append(bytes);
  return out;
}

// A far side of another version may know codes that we do not; and `cancelled` is said of the
// fiber that hears it, so that it ends, and of nobody else's.
Code code_of(std::uint8_t raw) {
  const auto code = static_cast<Code>(raw);
  const bool known = raw <= static_cast<std::uint8_t>(Code::failed);
  return known && code != Code::cancelled ? code : Code::failed;
}

// A shard of this process may not know yet which node it is.
io::ShardAddress back_to(const io::Origin& from) {
  return from.connection == 0 ? io::ShardAddress{.node = NodeId(0), .shard = from.shard.shard}
                              : from.shard;
}

}  // namespace

Rpc::Rpc(io::World& world)
    : world_(world), next_question_(world.random.draw("rpc.question")), serving_(world.fibers) {
  world_.peers.on_frame(
      [this](const io::Origin& from, std::string bytes) { on_frame(from, std::move(bytes)); });
  world_.peers.on_link([this](const io::Link& link) { on_link(link); });
}

Rpc::~Rpc() {
  world_.peers.on_link({});
  world_.peers.on_frame({});
}

void Rpc::serve(Verb verb, Serve serve) { serves_[verb] = std::move(serve); }

void Rpc::hear(Verb verb, Hear hear) { hears_[verb] = std::move(hear); }

Result<std::string> Rpc::ask(io::ShardAddress to, Verb verb, std::string_view request,
                             Instant deadline) {
  const std::uint64_t question = next_question_++;
  io::Event done(world_.fibers);
  Result<std::string> answer = fail(Code::timed_out, "no answer yet");
  pending_[question] = {.to = to, .done = &done, .answer = &answer};
  Result<void> asked = world_.peers.send(
      to, frame(Kind::question, question, static_cast<std::uint8_t>(verb), request));
  if (asked) asked = done.wait(deadline);
  pending_.erase(question);
  if (!asked) return std::unexpected(asked.error());
  return answer;
}

Result<void> Rpc::tell(io::ShardAddress to, Verb verb, std::string_view message) {
  return world_.peers.send(to, frame(Kind::message, 0, static_cast<std::uint8_t>(verb), message));
}

void Rpc::stop() {
  hears_.clear();
  watches_.clear();
  serving_.stop();
}

// --- links ---------------------------------------------------------------------------------

std::uint64_t Rpc::watch(Watch watch) {
  watches_[next_watch_] = std::move(watch);
  return next_watch_++;
}

void Rpc::unwatch(std::uint64_t id) { watches_.erase(id); }

// Whatever was asked before now went into this connection, or waited for it.
void Rpc::on_link(const io::Link& link) {
  if (link.now == io::Link::Now::down) {
    for (auto& [question, pending] : pending_) {
      if (pending.to != link.peer) continue;
      *pending.answer = fail(link.was_up ? Code::failed : Code::retry_later,
                             "connection to node " + std::to_string(link.peer.node.raw()) +
                                 (link.was_up ? " was lost: " : " could not be made: ") + link.why);
      pending.done->notify_all();
    }
  }
  std::vector<std::uint64_t> ids;  // a watcher may come or go in a call
  for (const auto& [id, watch] : watches_) ids.push_back(id);
  for (const std::uint64_t id : ids) {
    const auto found = watches_.find(id);
    if (found == watches_.end()) continue;
    const Watch watch = found->second;
    watch(link);
  }
}

// --- frames --------------------------------------------------------------------------------

void Rpc::on_frame(const io::Origin& from, std::string bytes) {
  if (bytes.size() < head_bytes) {
    world_.trace.count("rpc.frames_malformed");
    return;
  }
  const auto kind = static_cast<Kind>(bytes[0]);
  const auto question = get_be<std::uint64_t>(std::string_view(bytes).substr(1));
  const auto what = static_cast<std::uint8_t>(bytes[9]);
  switch (kind) {
    case Kind::question:
      return serve_question(from, question, static_cast<Verb>(what), std::move(bytes));
    case Kind::answer: return answered(question, what, std::string_view(bytes).substr(head_bytes));
    case Kind::message: {
      const auto hear = hears_.find(static_cast<Verb>(what));
      if (hear != hears_.end())
        return hear->second(from, std::string_view(bytes).substr(head_bytes));
    }
  }
  world_.trace.count("rpc.frames_unknown");
}

void Rpc::answered(std::uint64_t question, std::uint8_t what, std::string_view bytes) {
  const auto asked = pending_.find(question);
  if (asked == pending_.end()) return;  // gave up meanwhile
  if (what == answered_ok) {
    *asked->second.answer = std::string(bytes);
  } else {
    *asked->second.answer = fail(code_of(what), std::string(bytes));
  }
  asked->second.done->notify_all();
}

void Rpc::serve_question(const io::Origin& from, std::uint64_t question, Verb verb,
                         std::string bytes) {
  const auto serve = serves_.find(verb);
  if (serve == serves_.end()) {
    return answer(back_to(from), question,
                  fail(Code::retry_later, "shard does not serve this yet"));
  }
  if (serving_.size() >= serving_max) {
    return answer(back_to(from), question,
                  fail(Code::retry_later, "shard serves too much already"));
  }
  serving_.start("rpc.serve", [this, to = back_to(from), question, &function = serve->second,
                               bytes = std::move(bytes)] {
    answer(to, question, function(std::string_view(bytes).substr(head_bytes)));
  });
}

void Rpc::answer(io::ShardAddress to, std::uint64_t question, const Result<std::string>& result) {
  const auto code = result ? answered_ok : static_cast<std::uint8_t>(result.error().code);
  const std::string& body = result ? *result : result.error().detail;
  if (!world_.peers.send(to, frame(Kind::answer, question, code, body))) {
    world_.trace.count("rpc.answers_dropped");  // the asker times out and asks again
  }
}

}  // namespace perdure::node
