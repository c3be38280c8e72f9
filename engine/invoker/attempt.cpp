#include "engine/invoker/attempt.h"

#include <algorithm>
#include <utility>

#include "engine/base/match.h"
#include "engine/invoker/versions.h"
#include "engine/io/clock.h"
#include "engine/io/random.h"
#include "engine/io/trace.h"

namespace perdure::invoker {
namespace {

// Options of a handler that the newest revision may no longer have.
wire::EffectiveOptions options_of(const wire::Target& target, const wire::Schema& schema,
                                  const wire::Deployment& pinned,
                                  const wire::EffectiveOptions& defaults) {
  const auto of = [&](const wire::Service* service) -> std::optional<wire::EffectiveOptions> {
    const wire::Handler* handler = service ? wire::find_handler(*service, target.handler) : nullptr;
    if (!handler) return std::nullopt;
    return wire::effective(*service, *handler, defaults);
  };
  const auto old = std::ranges::find(pinned.services, target.service, &wire::Service::name);
  if (const auto newest = of(schema.find_service(target.service))) return *newest;
  return of(old == pinned.services.end() ? nullptr : &*old).value_or(defaults);
}

// The pinned one, or the newest of its service.
const wire::Deployment* deployment_for(const Replay& replay, const wire::Schema& schema) {
  if (replay.deployment) return schema.find_deployment(*replay.deployment);
  const wire::Service* service = schema.find_service(replay.target.service);
  return service ? schema.find_deployment(service->deployment) : nullptr;
}

bool is_entry(const wire::Command& command) {
  return std::holds_alternative<wire::Entry>(command.body);
}

constexpr std::size_t server_name_bytes_max = 100;

}  // namespace

Attempt::Attempt(Shared& shared, Live& live)
    : shared_(shared),
      live_(&live),
      id_(live.id),
      fiber_(shared.world.fibers.self()),
      pumps_(shared.world.fibers),
      handler_options_(shared.options.defaults),
      accounted_(shared.options.attempt_bytes) {
  live.last_start = shared.world.clock.wall();
  live.next_retry.reset();
  ++live.attempts;
}

Attempt::~Attempt() { shared_.bytes_held -= accounted_; }

AttemptEnd Attempt::run() {
  ConversationEnd outcome = journey();
  AttemptEnd end = GivenUp();
  if (live_ && !lost_leadership_) end = conclude(std::move(outcome));
  if (!live_) return Superseded();
  live_ = nullptr;
  return end;
}

// --- from the journal to the handler ---------------------------------------------------

ConversationEnd Attempt::journey() {
  Result<Replay> replay = shared_.journal.read(id_, shared_.options.state_bytes_max);
  if (!live_) return HandlerDone();
  if (!replay) {
    AttemptFailure why = lost(replay.error());
    why.counted = false;
    return why;
  }
  if (replay->entries < live_->entries_known) {
    return uncounted("", "the journal that was read is older than what was stored");
  }
  OutgoingRequest request;
  if (std::optional<AttemptFailure> why = prepare(*replay, request)) return std::move(*why);
  if (std::optional<AttemptFailure> why = open(std::move(request))) return std::move(*why);
  const bool read = shared_.world.trace.wants(io::Level::debug);
  shared_.world.trace.event(
      io::Level::debug, "invoker.attempt.started",
      {{"invocation", read ? id_.text() : std::string()}, {"entries", replay->entries}});
  send(opening_message(*replay));
  replay = Replay();
  for (Early& early : std::exchange(early_, {})) stored(early.index, early.frames);
  if (mode_ == wire::ProtocolMode::request_response) close_request();
  return converse();
}

// Everything that needs the schema, in one go: it may change whenever we park.
std::optional<AttemptFailure> Attempt::prepare(Replay& replay, OutgoingRequest& request) {
  const wire::Schema& schema = shared_.schemas.current();
  const wire::Deployment* deployment = deployment_for(replay, schema);
  if (!deployment) {
    return uncounted("", replay.deployment
                             ? "the pinned deployment " + replay.deployment->text() + " is unknown"
                             : "no deployment serves '" + replay.target.service + "'");
  }
  const std::optional<std::uint32_t> version =
      replay.deployment ? std::optional(replay.protocol_version)
                        : common_version(*deployment, shared_.options.protocol_version_cap);
  if (!version || *version < oldest_version || *version > newest_version) {
    return uncounted("RT0020", "no version of the service protocol is common with deployment " +
                                   deployment->id.text());
  }
  version_ = *version;
  handler_options_ = options_of(replay.target, schema, *deployment, shared_.options.defaults);
  mode_ = handler_options_.inactivity_timeout.count() == 0 ? wire::ProtocolMode::request_response
                                                           : deployment->mode;
  live_->last_deployment = deployment->id;
  Result<OutgoingRequest> made = request_for({.id = id_,
                                              .target = replay.target,
                                              .deployment = *deployment,
                                              .version = version_,
                                              .traceparent = replay.traceparent,
                                              .additional = shared_.options.additional_headers});
  if (!made) return uncounted("RT0010", deployment->uri + ": " + made.error().detail);
  request = std::move(*made);
  std::optional<wire::Pin> pin;
  if (!replay.deployment) {
    pin = wire::Pin{.id = id_, .deployment = deployment->id, .protocol_version = version_};
  }
  const bool listens = mode_ == wire::ProtocolMode::bidi_stream;
  conversation_.emplace(ConversationSetup{.id = id_,
                                          .target = replay.target,
                                          .version = version_,
                                          .listens = listens,
                                          .pin = pin,
                                          .payload_max = shared_.options.message_bytes_max});
  if (const auto known = conversation_->opening(replay.frames, replay.entries); !known) {
    return uncounted("", known.error().detail);
  }
  patience_.emplace(Patience::Limits{.inactivity = handler_options_.inactivity_timeout,
                                     .abort = handler_options_.abort_timeout},
                    !listens, now());
  return std::nullopt;
}

std::optional<AttemptFailure> Attempt::open(OutgoingRequest request) {
  auto call = shared_.world.http.call(request.target, std::move(request.request),
                                      now() + shared_.options.connect);
  if (!call && live_) {
    AttemptFailure why = lost(call.error());
    why.message = "cannot reach " + request.target.authority + ": " + why.message;
    return why;
  }
  if (!live_) return uncounted("", "superseded");
  call_ = std::move(*call);
  patience_->word(now());
  return std::nullopt;
}

std::string Attempt::opening_message(Replay& replay) const {
  const bool keyed = replay.target.service_type != wire::ServiceType::service;
  const bool eager = keyed && !handler_options_.enable_lazy_state;
  wire::StartMessage start{.id = id_.bytes(),
                           .debug_id = id_.text(),
                           .known_entries = replay.entries,
                           .partial_state = !eager || replay.state_is_partial,
                           .key = std::move(replay.target.key),
                           .retry_count_since_last_stored_entry = live_->retry.failures()};
  if (eager) start.state_map = std::move(replay.state);
  const auto since = live_->retry.since_stored(now()).count();
  start.duration_since_last_stored_entry =
      static_cast<std::uint64_t>(std::max<std::int64_t>(since, 0));
  if (version_ >= 6) start.random_seed = replay.random_seed;
  if (version_ >= 7) start.idempotency_key = std::move(replay.idempotency_key);
  std::string bytes;
  wire::put_message(bytes, wire::MessageType::start, start);
  bytes.append(replay.frames);
  return bytes;
}

// --- the conversation ------------------------------------------------------------------

ConversationEnd Attempt::converse() {
  const Result<io::Response> head =
      patiently([this](Instant deadline) { return call_->response(deadline); });
  if (!live_) return HandlerDone();
  if (!head) return lost(head.error());
  if (const std::string* server = io::find_header(head->headers, "x-restate-server")) {
    live_->last_server = server->substr(0, server_name_bytes_max);
  }
  if (auto refused = judge(*head, version_, shared_.world.clock.wall())) return std::move(*refused);
  while (true) {
    Result<std::string> piece =
        patiently([this](Instant deadline) { return call_->read(deadline); });
    if (!live_) return HandlerDone();
    if (!piece) return lost(piece.error());
    answer_ended_ = piece->empty();
    const Surroundings around{.schema = shared_.schemas.current(),
                              .defaults = shared_.options.defaults,
                              .now = shared_.world.clock.wall(),
                              .random = shared_.world.random};
    ConversationEffects effects = answer_ended_
                                      ? conversation_->closed()
                                      : conversation_->received(std::move(*piece), around);
    account();
    if (!effects.propose.empty() && !propose(std::move(effects.propose))) return HandlerDone();
    if (effects.end) return std::move(*effects.end);
  }
}

// Asks again as long as patience lasts.  Error `timed_out`: it is over.
template <class Ask>
auto Attempt::patiently(Ask ask) -> decltype(ask(Instant())) {
  while (true) {
    auto answer = ask(patience_->deadline());
    if (answer) patience_->word(now());
    if (answer || !live_ || answer.error().code != Code::timed_out) return answer;
    switch (patience_->expired(now(), journaling())) {
      case Impatience::wait_on: break;
      case Impatience::ask_to_suspend: close_request(); break;
      case Impatience::give_up: return answer;
    }
  }
}

// Full means later: meanwhile the handler is not read, so it is slowed down too.
// False: its effects no longer count.
bool Attempt::propose(std::vector<wire::Command> commands) {
  Duration pause = shared_.options.propose_pause_min;
  const bool progress = std::ranges::any_of(commands, is_entry);
  while (live_) {
    ++live_->outstanding;
    const Result<void> proposed = shared_.journal.propose(id_, std::move(commands));
    if (proposed && live_ && progress) live_->retry.progressed();
    if (proposed) return live_ != nullptr;
    if (!live_) return false;
    --live_->outstanding;
    const Code code = proposed.error().code;
    if (code == Code::fenced || code == Code::cancelled) {
      lost_leadership_ = true;
      return false;
    }
    if (!shared_.world.fibers.sleep_until(now() + pause)) {
      lost_leadership_ = !interrupted_;
      return false;
    }
    pause = std::min(pause * 2, shared_.options.propose_pause_max);
  }
  return false;
}

void Attempt::stored(std::uint32_t index, std::string_view frames) {
  if (!call_) {
    early_.push_back({.index = index, .frames = std::string(frames)});
    return;
  }
  Result<std::string> news = conversation_->stored(index, frames);
  if (!news) return interrupt(uncounted("", news.error().detail));
  if (!news->empty()) send(std::move(*news));
}

// --- how it ends -----------------------------------------------------------------------

AttemptEnd Attempt::conclude(ConversationEnd end) {
  if (interrupted_) end = *interrupted_;
  return match(
      end,
      [this](const HandlerDone&) -> AttemptEnd {
        ended_well_ = true;
        close_request();
        return Ended();
      },
      [this](const HandlerSuspended&) -> AttemptEnd {
        ended_well_ = true;
        close_request();
        return Suspended();
      },
      [this](const AttemptFailure& why) -> AttemptEnd { return conclude_failure(why); });
}

AttemptEnd Attempt::conclude_failure(const AttemptFailure& why) {
  live_->last_failure = why;
  shared_.world.trace.count("invoker.failures");
  shared_.world.trace.event(
      io::Level::warn, "invoker.attempt.failed",
      {{"invocation", id_.text()}, {"code", why.restate_code}, {"why", why.text()}});
  const wire::Failure told{.code = why.code, .message = why.message};
  std::vector<wire::Command> last(1);
  const RetryDecision decision = live_->retry.failed(why, handler_options_);
  if (const auto* again = std::get_if<RetryAfter>(&decision)) {
    live_->next_retry = shared_.world.clock.wall() + again->delay;
    return RetryAt{.at = now() + again->delay};
  }
  if (std::holds_alternative<PauseNow>(decision)) {
    last.front().body = wire::Pause{.id = id_, .last_failure = told};
  } else {
    last.front().body = wire::Fail{.id = id_, .failure = told};
  }
  if (!propose(std::move(last))) return GivenUp();
  return Ended();
}

// Why we could not go on; what came from outside, as a failure of the attempt.
AttemptFailure Attempt::lost(const Error& error) {
  if (interrupted_) return *interrupted_;
  switch (error.code) {
    case Code::fenced:
    case Code::not_found:
    case Code::cancelled: lost_leadership_ = true; break;
    case Code::timed_out:
      return call_ ? failure("RT0001", "the handler was silent for longer than the abort timeout")
                   : failure("RT0010", error.detail);
    case Code::retry_later: return uncounted("", error.detail);
    default: break;
  }
  return call_ ? failure("RT0010", "the handler's stream broke: " + error.detail)
               : failure("RT0010", error.detail);
}

// Something other than the handler ends it: its parks return, and `why` stands.
void Attempt::interrupt(AttemptFailure why) {
  if (!interrupted_) interrupted_ = std::move(why);
  shared_.world.fibers.cancel(fiber_);
}

void Attempt::supersede() {
  live_ = nullptr;
  shared_.world.fibers.cancel(fiber_);
}

bool Attempt::suspend_if_idle(Instant before) {
  if (!call_ || !patience_ || patience_->closing() || journaling()) return false;
  if (patience_->last_word() > before) return false;
  patience_->ask_to_suspend(now());
  close_request();
  return true;
}

void Attempt::leave() {
  if (ended_well_ && !answer_ended_) {
    const Instant deadline = now() + shared_.options.drain;
    Result<std::string> rest;
    do {
      rest = call_->read(deadline);
    } while (rest && !rest->empty());
  }
  pumps_.stop();
  call_.reset();
}

// --- what goes out ---------------------------------------------------------------------

void Attempt::send(std::string bytes) {
  if (close_wanted_) return;
  patience_->word(now());
  if (outgoing_.empty()) {
    outgoing_ = std::move(bytes);
  } else {
    outgoing_.append(bytes);
  }
  account();
  if (writing_bytes_ > 0 && outgoing_.size() > shared_.options.unsent_bytes_max) {
    interrupt(uncounted("RT0010", "the handler does not read what is sent to it"));
  } else if (!pumping_) {
    pumping_ = true;
    pumps_.start("attempt.write", [this] { pump(); });
  }
}

// The end of the request's body: behind everything that is to be sent.
void Attempt::close_request() {
  if (close_wanted_ || !call_) return;
  close_wanted_ = true;
  conversation_->stop_listening();
  if (pumping_) return;
  closed_ = true;
  call_->finish();
}

void Attempt::pump() {
  while (!outgoing_.empty()) {
    const std::string piece = std::exchange(outgoing_, {});
    writing_bytes_ = piece.size();
    // No deadline: whoever waits for the handler's words ends this too.
    const Result<void> written = call_->write(piece, io::never);
    writing_bytes_ = 0;
    account();
    if (!written) {  // the reading side hears why
      pumping_ = false;
      return;
    }
    patience_->word(now());
  }
  pumping_ = false;
  if (!close_wanted_ || closed_) return;
  closed_ = true;
  call_->finish();
}

void Attempt::account() {
  const std::uint64_t held = shared_.options.attempt_bytes + outgoing_.size() + writing_bytes_ +
                             (conversation_ ? conversation_->bytes_held() : 0);
  shared_.bytes_held += held;
  shared_.bytes_held -= accounted_;
  accounted_ = held;
}

Instant Attempt::now() const { return shared_.world.clock.steady(); }

}  // namespace perdure::invoker
