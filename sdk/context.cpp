#include "sdk/context.h"

#include <algorithm>

namespace perdure::sdk {

// --- draws: SplitMix64 (Steele, Lea, Flood 2014), one addition and a mix ---

std::uint64_t Draws::next() {
  std::uint64_t mixed = (state_ += 0x9E3779B97F4A7C15);
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
  return mixed ^ (mixed >> 31);
}

std::uint64_t Draws::below(std::uint64_t n) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>((Wide{next()} * n) >> 64);
}

std::string Draws::uuid() {
  std::uint64_t halves[2] = {next(), next()};
  halves[0] = (halves[0] & ~0xF000ULL) | 0x4000;                 // version
  halves[1] = (halves[1] & ~(0xC0ULL << 56)) | (0x80ULL << 56);  // variant
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint64_t half : halves) {
    for (int shift = 60; shift >= 0; shift -= 4) {
      if (text.size() == 8 || text.size() == 13 || text.size() == 18 || text.size() == 23) {
        text += '-';
      }
      text += digits[(half >> shift) & 0xF];
    }
  }
  return text;
}

// --- others ---

const std::string& Invocation::id() {
  if (pending_) id_ = attempt_.invocation_id_of(*std::exchange(pending_, std::nullopt));
  return id_;
}

void Invocation::cancel() {
  const std::string& whom = id();
  attempt_.replay().cancel(whom);
}

CallRequest Client::request(std::string_view handler, std::string parameter,
                            const RequestHeaders& headers,
                            const std::optional<std::string>& idempotency_key) const {
  CallRequest made{.service = service_,
                   .handler = std::string(handler),
                   .key = key_,
                   .parameter = std::move(parameter),
                   .idempotency_key = idempotency_key};
  for (const auto& [name, value] : headers) made.headers.push_back({name, value});
  return made;
}

Invocation Client::send_bytes(std::string_view handler, std::string parameter,
                              const SendOptions& options) {
  std::optional<WallTime> at;
  if (options.delay > Duration::zero()) {
    at = attempt_.wall() + std::chrono::ceil<std::chrono::milliseconds>(options.delay);
  }
  const CompletionId id = attempt_.replay().send(
      request(handler, std::move(parameter), options.headers, options.idempotency_key), at);
  return Invocation(attempt_, id);
}

wire::WorkflowTarget Client::workflow() const {
  return {.workflow_name = service_, .workflow_key = key_};
}

// --- the context ---

std::optional<std::string> Context::header(std::string_view name) const {
  const auto& all = attempt_.input().headers;
  const auto found = std::ranges::find(all, name, &wire::KeyValue::key);
  if (found == all.end()) return std::nullopt;
  return found->value;
}

RequestHeaders Context::headers() const {
  RequestHeaders all;
  for (const auto& [key, value] : attempt_.input().headers) all.emplace_back(key, value);
  return all;
}

WallTime Context::now() {
  const auto milliseconds =
      run("now", [this] { return std::int64_t{attempt_.wall().time_since_epoch().count()}; });
  return WallTime(std::chrono::milliseconds(milliseconds));
}

void Context::reject_awakeable(std::string_view id, const TerminalError& why) {
  attempt_.replay().complete_awakeable(id,
                                       wire::Failure{.code = why.code(), .message = why.what()});
}

Attempt::RunPolicy Context::policy_of(const RunOptions& options) const {
  Attempt::RunPolicy policy{
      .attempts_max = options.attempts_max,
      .delay_factor = options.delay_factor,
      .delay_max = options.delay_max,
      .duration_max = options.duration_max,
      .retries_itself = options.attempts_max || options.duration_max || options.delay,
      .blocks = options.blocks};
  if (options.delay) policy.delay = *options.delay;
  return policy;
}

MaybeBytes SharedObjectContext::get_bytes(std::string_view name) {
  const auto found = attempt_.replay().get(name);
  if (const auto* known = std::get_if<MaybeBytes>(&found)) {
    attempt_.replay();  // a mismatch ends here
    return *known;
  }
  const wire::Future leaf = of_completion(std::get<CompletionId>(found));
  attempt_.await(leaf);
  return attempt_.take(leaf);
}

std::vector<std::string> SharedObjectContext::state_keys() {
  auto found = attempt_.replay().state_keys();
  if (auto* known = std::get_if<std::vector<std::string>>(&found)) {
    attempt_.replay();
    return std::move(*known);
  }
  const wire::Future leaf = of_completion(std::get<CompletionId>(found));
  attempt_.await(leaf);
  const Result<wire::StateKeys> keys =
      wire::decode<wire::StateKeys>(attempt_.take(leaf).value_or(""));
  return keys ? keys->keys : std::vector<std::string>();
}

}  // namespace perdure::sdk
