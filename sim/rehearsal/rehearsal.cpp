#include "sim/rehearsal/rehearsal.h"

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <utility>

#include "engine/io/fibers.h"
#include "engine/io/http.h"
#include "engine/io/random.h"
#include "sim/check/observers.h"
#include "sim/cluster/node_guest.h"
#include "sim/handlers/serve_handlers.h"
#include "sim/world/guests.h"

namespace perdure::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration heal = seconds(180);
constexpr Duration timeout = seconds(10);  // of one try

Result<Client::Answer> ask(io::World& world, const std::string& authority, std::string method,
                           std::string target, io::Headers headers, std::string_view body) {
  const Instant deadline = world.fibers.now() + timeout;
  TRY(call, world.http.call({.scheme = "http", .authority = authority},
                            {.method = std::move(method),
                             .target = std::move(target),
                             .authority = authority,
                             .headers = std::move(headers)},
                            deadline));
  if (!body.empty()) (void)call->write(body, deadline);  // the answer counts, also an early one
  call->finish();
  TRY(response, call->response(deadline));
  Client::Answer answer{.status = response.status};
  while (true) {
    TRY(some, call->read(deadline));
    if (some.empty()) return answer;
    answer.body += some;
  }
}

// Limits are drawn small, so that seams that are rare in life are met in every run.
node::Options draw_server(const Experiment& experiment) {
  Dice dice = experiment.dice("rehearsal.server");
  node::Options options;
  options.partitions = static_cast<std::uint32_t>(1 + dice.below(4));
  options.ingress_address = "0.0.0.0:8080";
  options.admin_address = "0.0.0.0:9070";
  options.node_address = "0.0.0.0:5122";
  options.protocol_v7 = dice.below(4) == 0;
  options.segment_bytes = (64u << 10) << dice.below(5);
  options.checkpoint_log_bytes = (4u << 10) << dice.below(6);
  options.dirty_bytes_max = (4u << 10) << dice.below(6);
  options.checkpoint_every = milliseconds(500 + dice.below(20'000));
  options.concurrent_invocations_max = static_cast<std::uint32_t>(4 + dice.below(60));
  options.invocation_defaults.inactivity_timeout = milliseconds(200 + dice.below(5000));
  options.invocation_defaults.abort_timeout = milliseconds(2000 + dice.below(10'000));
  options.invocation_defaults.retry_initial_interval = milliseconds(20 + dice.below(300));
  options.invocation_defaults.retry_max_interval = seconds(2);
  options.invocation_defaults.retry_max_attempts.reset();  // whatever happens, try again
  options.drain = milliseconds(500);
  return options;
}

Mischief draw_mischief(const Experiment& experiment) {
  Dice dice = experiment.dice("rehearsal.mischief");
  const auto chance = [&dice] {
    return dice.below(2) == 0 ? 0.0 : 0.002 * static_cast<double>(dice.below(30));
  };
  Mischief mischief;
  mischief.vanish = chance();
  mischief.error = chance();
  mischief.slow = chance();
  mischief.suspend = chance();
  return mischief;
}

bool register_once(io::World& world) {
  const auto answer =
      ask(world, "n1:9070", "POST", "/deployments", {{"content-type", "application/json"}},
          R"({"uri":"http://handlers:9080"})");
  return answer && answer->ok();
}

// The frame's own memory; outlives the fibers that know it.
struct Stage {
  bool registered = false, judged = false;
  std::uint32_t working = 0;
};

void play(Rehearsal& rehearsal, Experiment& experiment, Host& node, Stage& stage) {
  Universe& universe = experiment.universe();
  node.start(node_guest(node, draw_server(experiment)));
  universe.add_host({.name = "operator", .helper = true})
      .start(on_shard_0([&stage](io::World& world) {
        while (!(stage.registered = register_once(world))) {
          if (!world.fibers.sleep_until(world.fibers.now() + milliseconds(200))) return;
        }
      }));
  if (!experiment.heal(seconds(60), [&] { return stage.registered; })) return;

  stage.working = rehearsal.clients();
  for (std::uint32_t number = 1; number <= rehearsal.clients(); ++number) {
    std::string name = fmt::format("client{}", number);
    universe.add_host({.name = name, .helper = true})
        .start(on_shard_0([&, number, name](io::World& world) {
          Client client(experiment, world, name);
          rehearsal.client(client, number);
          --stage.working;
        }));
  }
  const faults::Victims victims = {.nodes = {"n1"}, .helpers = {"handlers", "client1"}};
  if (!experiment.chaos(victims, rehearsal.chaos())) return;
  if (!experiment.heal(heal, [&] { return stage.working == 0; })) return;

  node.crash(Death::power_loss);  // so that nothing is only in memory
  node.restart();
  universe.add_host({.name = "judge", .helper = true}).start(on_shard_0([&](io::World& world) {
    Client client(experiment, world, "judge");
    rehearsal.judge(client);
    stage.judged = true;
  }));
  experiment.heal(heal, [&] { return stage.judged; });
}

}  // namespace

// --- a client ---

Result<Client::Answer> Client::try_once(std::string_view path, std::string_view json,
                                        std::string_view idempotency_key) {
  io::Headers headers;
  if (!json.empty()) headers.push_back({"content-type", "application/json"});
  if (!idempotency_key.empty())
    headers.push_back({"idempotency-key", std::string(idempotency_key)});
  return ask(world_, "n1:8080", "POST", "/" + std::string(path), std::move(headers), json);
}

// What cannot be the last word: nobody answered, or somebody who is busy.
Client::Answer Client::until_answered(const std::function<Result<Answer>()>& once) {
  while (true) {
    const Result<Answer> answer = once();
    if (answer) {
      const bool of_handler = answer->body.find(R"("source":"invocation")") != std::string::npos;
      const bool busy = answer->status == 429 || answer->status == 408 || answer->status / 100 == 5;
      if (of_handler || !busy) return *answer;
    }
    sleep(milliseconds(20 + below(400)));
  }
}

Client::Answer Client::call(std::string_view path, std::string_view json) {
  const std::string key = fmt::format("{}-{}", name_, ++calls_);
  return until_answered([&] { return try_once(path, json, key); });
}

Client::Answer Client::read(std::string_view path, std::string_view json) {
  return until_answered([&] { return try_once(path, json, ""); });
}

Client::Answer Client::attach(std::string_view workflow, std::string_view key) {
  const std::string path = fmt::format("/restate/workflow/{}/{}/attach", workflow, key);
  return until_answered([&] { return ask(world_, "n1:8080", "GET", path, {}, ""); });
}

std::uint64_t Client::below(std::uint64_t n) { return world_.random.below("rehearsal.client", n); }

// Only the end of the world cancels a client, and then its fiber is unwound.
void Client::sleep(Duration span) { (void)world_.fibers.sleep_until(world_.fibers.now() + span); }

void Client::report(std::string check, std::string subject, std::string detail) {
  experiment_.report(
      {.check = std::move(check), .subject = std::move(subject), .detail = std::move(detail)});
}

// --- the frame ---

Verdict rehearse(Rehearsal& rehearsal, const Config& config) {
  Stage stage;
  std::optional<Experiment> experiment(std::in_place, config);
  Journals journals([&experiment](Finding finding) { experiment->report(std::move(finding)); });
  const DeploymentOptions options{.mischief = draw_mischief(*experiment)};
  // The server comes first: a host's number is its node's, and that is 1.
  const auto shards = static_cast<std::uint32_t>(1 + experiment->dice("rehearsal.shards").below(3));
  Host& node = experiment->universe().add_host({.name = "n1", .shards = shards});
  experiment->universe()
      .add_host({.name = "handlers", .helper = true})
      .start(serve_handlers([&rehearsal] { return rehearsal.services(); }, options, journals));
  play(rehearsal, *experiment, node, stage);
  Verdict verdict = experiment->verdict();
  experiment.reset();  // before what its fibers know
  return verdict;
}

}  // namespace perdure::sim
