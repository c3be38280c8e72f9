#include "sim/cluster/log_peers.h"

#include "engine/base/bytes.h"
#include "engine/io/random.h"

namespace perdure::sim {
namespace {

enum class Said : std::uint8_t { question = 1, answer = 2, refusal = 3, frame = 4 };
constexpr std::size_t head_bytes = 9;

std::string framed(Said kind, std::uint64_t number, std::string_view bytes) {
  std::string out(1, static_cast<char>(kind));
  put_be(out, number);
  return out.append(bytes);
}

}  // namespace

LogPeers::LogPeers(io::World& world, LogRegisters& registers)
    : world_(world),
      registers_(registers),
      // Answers to this host's process before this one may still be on their way.
      next_number_(world.random.draw("log_peers.first_number")),
      serving_(world.fibers) {
  world_.peers.on_frame(
      [this](const io::Origin& from, std::string frame) { on_frame(from.shard, frame); });
  world_.peers.on_link([this](const io::Link& link) { on_link(link); });
}

LogPeers::~LogPeers() {
  world_.peers.on_frame({});
  world_.peers.on_link({});
}

Result<std::string> LogPeers::ask(NodeId node, PartitionId, std::string_view question,
                                  Instant deadline) {
  const std::uint64_t number = next_number_++;
  io::Event done(world_.fibers);
  Result<std::string> answer = fail(Code::timed_out, "no answer yet");
  pending_[number] = {.to = node, .done = &done, .answer = &answer};
  Result<void> asked =
      world_.peers.send({.node = node, .shard = 0}, framed(Said::question, number, question));
  if (asked) asked = done.wait(deadline);
  pending_.erase(number);
  if (!asked) return std::unexpected(asked.error());
  return answer;
}

Result<void> LogPeers::tell(NodeId node, PartitionId, std::string frame) {
  return world_.peers.send({.node = node, .shard = 0}, framed(Said::frame, 0, frame));
}

std::vector<log::Candidate> LogPeers::members() const {
  std::vector<log::Candidate> members;
  for (const auto& [node, candidate] : registers_.nodes) {
    members.push_back(candidate);
    members.back().alive = registers_.seems_alive(node);
  }
  return members;
}

// Nobody waits for what is lost.
void LogPeers::on_link(const io::Link& link) {
  if (server_ == nullptr) return;
  if (link.now == io::Link::Now::up) return server_->found(link.peer.node);
  for (auto& [number, asked] : pending_) {
    if (asked.to != link.peer.node) continue;
    *asked.answer = fail(Code::timed_out, "the link went down");
    asked.done->notify_all();
  }
  server_->lost(link.peer.node);
}

void LogPeers::on_frame(io::ShardAddress from, const std::string& frame) {
  if (frame.size() < head_bytes || server_ == nullptr) return;
  const auto kind = static_cast<Said>(frame[0]);
  const auto number = get_be<std::uint64_t>(std::string_view(frame).substr(1));
  std::string body = frame.substr(head_bytes);
  if (kind == Said::frame) return server_->hear(from.node, body);
  if (kind == Said::question) {
    return serving_.start("log.serve", [this, from, number, body = std::move(body)] {
      answer(from.node, number, server_->answer(body));
    });
  }
  const auto asked = pending_.find(number);
  if (asked == pending_.end()) return;  // gave up meanwhile
  if (kind == Said::answer) {
    *asked->second.answer = std::move(body);
  } else {
    *asked->second.answer = fail(Code::failed, std::move(body));
  }
  asked->second.done->notify_all();
}

void LogPeers::answer(NodeId to, std::uint64_t number, const Result<std::string>& answer) {
  const std::string frame = answer ? framed(Said::answer, number, *answer)
                                   : framed(Said::refusal, number, answer.error().detail);
  // Who asked asks again when this is lost.
  if (!world_.peers.send({.node = to, .shard = 0}, frame))
    world_.trace.count("log.answers_dropped");
}

}  // namespace perdure::sim
