#include "engine/node/rpc.h"

#include "engine/base/bytes.h"
#include "engine/io/trace.h"

namespace perdure::node {
namespace {

// Frame: kind u8 │ question u64 │ verb u8 or code u8 │ bytes
enum class Kind : std::uint8_t { question = 1, answer = 2, told = 3 };
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

}  // namespace

Rpc::Rpc(io::World& world) : world_(world), serving_(world.fibers) {
  world_.peers.on_frame(
      [this](io::ShardAddress from, std::string frame) { on_frame(from, std::move(frame)); });
}

Rpc::~Rpc() { world_.peers.on_frame({}); }

void Rpc::serve(Verb verb, Serve serve) { serves_[verb] = std::move(serve); }

void Rpc::hear(Verb verb, Hear hear) { hears_[verb] = std::move(hear); }

void Rpc::tell(io::ShardAddress to, Verb verb, std::string_view bytes) {
  if (!world_.peers.send(to, frame(Kind::told, 0, static_cast<std::uint8_t>(verb), bytes))) {
    world_.trace.count("rpc.told_dropped");
  }
}

Result<std::string> Rpc::ask(io::ShardAddress to, Verb verb, std::string_view request,
                             Instant deadline) {
  const std::uint64_t question = next_question_++;
  io::Event done(world_.fibers);
  Result<std::string> answer = fail(Code::timed_out, "no answer yet");
  pending_[question] = {.done = &done, .answer = &answer};
  Result<void> asked = world_.peers.send(
      to, frame(Kind::question, question, static_cast<std::uint8_t>(verb), request));
  if (asked) asked = done.wait(deadline);
  pending_.erase(question);
  if (!asked) return std::unexpected(asked.error());
  return answer;
}

void Rpc::stop() {
  hears_.clear();
  serving_.stop();
}

void Rpc::on_frame(io::ShardAddress from, std::string bytes) {
  if (bytes.size() < head_bytes) {
    world_.trace.count("rpc.frames_malformed");
    return;
  }
  const auto kind = static_cast<Kind>(bytes[0]);
  const auto question = get_be<std::uint64_t>(std::string_view(bytes).substr(1));
  const auto what = static_cast<std::uint8_t>(bytes[9]);

  if (kind == Kind::answer) {
    const auto asked = pending_.find(question);
    if (asked == pending_.end()) return;  // gave up meanwhile
    std::string body = bytes.substr(head_bytes);
    if (what == answered_ok) {
      *asked->second.answer = std::move(body);
    } else {
      *asked->second.answer = fail(static_cast<Code>(what), std::move(body));
    }
    asked->second.done->notify_all();
    return;
  }

  if (kind == Kind::told) {
    const auto hear = hears_.find(static_cast<Verb>(what));
    if (hear != hears_.end()) hear->second(from, std::string_view(bytes).substr(head_bytes));
    return;
  }

  const auto serve = serves_.find(static_cast<Verb>(what));
  if (serve == serves_.end()) {
    return answer(from, question, fail(Code::retry_later, "shard does not serve this yet"));
  }
  serving_.start("rpc.serve",
                 [this, from, question, &serve = serve->second, bytes = std::move(bytes)] {
                   answer(from, question, serve(std::string_view(bytes).substr(head_bytes)));
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
