#include "sim/workload/clients.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "engine/io/fibers.h"
#include "engine/io/http.h"
#include "engine/io/random.h"
#include "sim/workload/requests.h"
#include "sim/world/guests.h"

namespace perdure::sim {

namespace {

using std::chrono::milliseconds;

struct Answer {
  int status = 0;
  std::string body;
};

Result<Answer> post(io::World& world, const std::string& authority, std::string target,
                    io::HttpVersion version, io::Headers headers, std::string_view body,
                    Instant deadline) {
  TRY(call, world.http.call({.scheme = "http", .authority = authority, .version = version},
                            {.method = "POST",
                             .target = std::move(target),
                             .authority = authority,
                             .headers = std::move(headers)},
                            deadline));
  if (!body.empty()) {
    // An early answer may break off our body; the answer counts.
    (void)call->write(body, deadline);
  }
  call->finish();
  TRY(response, call->response(deadline));
  Answer answer = {.status = response.status};
  while (true) {
    TRY(some, call->read(deadline));
    if (some.empty()) return answer;
    answer.body += some;
  }
}

}  // namespace

WorkloadOptions workload_options(Experiment& experiment, WorkloadOptions options) {
  const auto number = [&](const std::string& name, std::uint32_t otherwise) {
    return static_cast<std::uint32_t>(experiment.setting("workload." + name, otherwise));
  };
  options.clients = number("clients", options.clients);
  options.operations = number("operations", options.operations);
  options.keys = std::max(number("keys", options.keys), 1u);
  options.gap = experiment.setting_ms("workload.gap_ms", options.gap);
  options.timeout = experiment.setting_ms("workload.timeout_ms", options.timeout);
  const auto ppm = static_cast<std::uint32_t>(options.without_key * 1e6);
  options.without_key = number("without_key_ppm", ppm) / 1e6;
  // All clients together; the gap is what makes it so.
  if (const std::uint32_t rate = number("rate_hz", 0); rate > 0) {
    options.gap = milliseconds(2000 * options.clients / rate);
  }
  for (std::size_t verb = 0; verb < options.weights.size(); ++verb) {
    const std::string name = "mix." + std::string(name_of(static_cast<Verb>(verb)));
    options.weights[verb] = number(name, options.weights[verb]);
  }
  return options;
}

// One client and its fiber.
struct Workload::Client {
  Workload& workload;
  io::World& world;
  std::uint32_t number;
  io::HttpVersion version = some_version(world);

  Instant in(Duration span) const { return world.fibers.now() + span; }
  std::uint64_t below(std::string_view what, std::uint64_t n) {
    return world.random.below(what, n);
  }
  bool chance(std::string_view what, double probability) {
    return static_cast<double>(world.random.draw(what) >> 11) * 0x1.0p-53 < probability;
  }
  const std::string& ingress() {
    const auto& all = workload.options_.ingress;
    return all[below("client.ingress", all.size())];
  }

  Operation draw(std::uint32_t n) {
    const auto& weights = workload.options_.weights;
    std::uint64_t at = below("client.verb", std::accumulate(weights.begin(), weights.end(), 0u));
    std::size_t verb = 0;
    while (at >= weights[verb]) at -= weights[verb++];
    return {.client = number,
            .verb = static_cast<Verb>(verb),
            .key = fmt::format("k{}", below("client.key", workload.options_.keys)),
            .token = fmt::format("c{}-{}", number, n),
            .idempotent = !chance("client.without_key", workload.options_.without_key)};
  }

  void returned(std::size_t record, Fate fate, std::string answer) {
    Universe& universe = workload.experiment_.universe();
    const Verb verb = workload.history_.operations()[record].verb;
    universe.recorder.count(fmt::format("client.{}.{}", name_of(verb),
                                        fate == Fate::answered  ? "answered"
                                        : fate == Fate::refused ? "refused"
                                                                : "unknown"),
                            1);
    workload.history_.returned(record, universe.loop.now(), fate, std::move(answer));
  }

  struct Asked {
    std::string target, body;
  };
  Asked ask(const Operation& operation) {
    switch (operation.verb) {
      case Verb::add: return {"/Counter/" + operation.key + "/add", operation.token};
      case Verb::append: return {"/List/" + operation.key + "/append", operation.token};
      case Verb::echo: return {"/Echo/echo", operation.token};
      case Verb::nap:
        return {"/Sleeper/nap", fmt::format("{} {}", below("client.nap", 3000), operation.token)};
      case Verb::await: return {"/Awake/wait", operation.token};
      case Verb::chain: return {"/Chain/call", operation.key + " " + operation.token};
      case Verb::spread: return {"/Chain/spread", operation.key + " " + operation.token};
      case Verb::send: return {"/List/" + operation.key + "/append/send", operation.token};
    }
    UNREACHABLE();
  }

  // Until an answer, or until it is given up.  False: this client's process ends.
  bool perform(Operation operation) {
    History& history = workload.history_;
    Universe& universe = workload.experiment_.universe();
    operation.invoked = universe.loop.now();
    const Asked asked = ask(operation);
    io::Headers headers = {{"content-type", "text/plain"}};
    if (operation.idempotent) headers.push_back({"idempotency-key", operation.token});
    const std::size_t record = history.invoked(operation);
    io::Group resolving(world.fibers);
    if (operation.verb == Verb::await) {
      resolving.start("resolve", [this, &operation] { resolve(operation.token); });
    }
    while (true) {
      const auto answer = post(world, ingress(), asked.target, version, headers, asked.body,
                               in(workload.options_.timeout));
      if (answer && answer->status / 100 == 2) {
        returned(record, Fate::answered, answer->body);
        break;
      }
      const bool final_refusal =
          answer && answer->status / 100 == 4 && answer->status != 429 && answer->status != 408;
      if (final_refusal) {
        returned(record, Fate::refused, answer->body);
        break;
      }
      if (!operation.idempotent) {
        returned(record, Fate::unknown, "");
        break;
      }
      history.retried(record);
      if (!world.fibers.sleep_until(in(milliseconds(20 + below("client.pause", 400)))))
        return false;
    }
    resolving.stop();
    // Now and then the same again: the answer may not change.
    const bool answered = history.operations()[record].fate == Fate::answered;
    if (answered && operation.idempotent && operation.verb != Verb::send &&
        chance("client.again", 0.1)) {
      const auto again = post(world, ingress(), asked.target, version, headers, asked.body,
                              in(workload.options_.timeout));
      if (again && again->status / 100 == 2) history.answered_again(record, again->body);
    }
    return true;
  }

  // Learns the awakeable from its handler, as a person would by mail, and resolves it.
  void resolve(const std::string& token) {
    while (true) {
      if (!world.fibers.sleep_until(in(milliseconds(50 + below("client.mail", 500))))) return;
      const auto id = workload.journals_.awakeable_of(token);
      if (!id) continue;
      (void)post(world, ingress(), "/restate/awakeables/" + *id + "/resolve", version, {}, token,
                 in(workload.options_.timeout));
    }
  }

  void run() {
    for (std::uint32_t n = 1; n <= workload.options_.operations; ++n) {
      const auto gap = static_cast<std::uint64_t>(workload.options_.gap.count());
      const auto pause = Duration(static_cast<Duration::rep>(below("client.gap", gap + 1)));
      if (!world.fibers.sleep_until(in(pause))) return;
      const Operation operation = draw(n);
      if (workload.experiment_.skipped(operation.token)) continue;
      if (!perform(operation)) return;
    }
    --workload.working_;
  }

  Result<std::string> read(const std::string& target) {
    TRY(answer, post(world, ingress(), target, version, {}, "", in(workload.options_.timeout)));
    if (answer.status != 200) {
      return fail(Code::retry_later, fmt::format("status {}", answer.status));
    }
    return answer.body;
  }

  bool pause() { return !!world.fibers.sleep_until(in(milliseconds(200))); }
};

Workload::Workload(Experiment& experiment, WorkloadOptions options, History& history,
                   Journals& journals)
    : experiment_(experiment),
      options_(std::move(options)),
      history_(history),
      journals_(journals) {
  Recorder& recorder = experiment_.universe().recorder;
  if (!recorder.telling()) return;
  history_.watch([this](History::Step step, std::size_t number, const Operation& operation) {
    tell(step, number, operation);
  });
}

// A client's operation in the story: asked, asked again, answered.
void Workload::tell(History::Step step, std::size_t number, const Operation& operation) {
  Universe& universe = experiment_.universe();
  const Host* host = universe.find_host(fmt::format("client{}", operation.client));
  Recorder::Told told = {.what = trace::What::invoke,
                         .life = host == nullptr ? Life() : host->life(),
                         .name = name_of(operation.verb),
                         .a = number};
  std::string detail =
      operation.key.empty() ? operation.token : operation.key + " " + operation.token;
  if (step == History::Step::retried) told.what = trace::What::retry;
  if (step == History::Step::returned) {
    told.what = trace::What::answer;
    told.b = operation.fate == Fate::answered ? 0 : operation.fate == Fate::refused ? 1 : 2;
    detail += told.b == 2 ? ": fate unknown" : ": " + operation.answer;
  }
  told.detail = detail;
  const std::uint64_t moment = universe.recorder.tell(told);
  // What the client does next, it does because of that.
  if (step != History::Step::returned) universe.loop.caused_by(moment);
}

void Workload::start() {
  working_ = options_.clients;
  for (std::uint32_t i = 1; i <= options_.clients; ++i) {
    experiment_.universe()
        .add_host({.name = fmt::format("client{}", i), .helper = true})
        .start(on_shard_0([this, i](io::World& world) { run_client(world, i); }));
  }
}

void Workload::run_client(io::World& world, std::uint32_t number) {
  Client{*this, world, number}.run();
}

void Workload::start_reading() {
  experiment_.universe()
      .add_host({.name = "reader", .helper = true})
      .start(on_shard_0([this](io::World& world) { run_reader(world); }));
}

void Workload::run_reader(io::World& world) {
  Client client{*this, world, 0};
  const auto now = [this] { return experiment_.universe().loop.now(); };
  for (const std::string& key : history_.keys(/*lists=*/false)) {
    Result<std::string> count = fail(Code::retry_later, "");
    const Nanos asked = now();
    while (!(count = client.read("/Counter/" + key + "/get"))) {
      if (!client.pause()) return;
    }
    history_.read_back({.key = key, .value = *count, .invoked = asked, .returned = now()});
    history_.check_counter(key, std::strtoull(count->c_str(), nullptr, 10));
  }
  for (const std::string& key : history_.keys(/*lists=*/true)) {
    const std::set<std::string> expected = history_.expected(key);
    // What was accepted to be sent may take a while; the heal's deadline bounds it.
    const Nanos asked = now();
    for (int patience = 100;; --patience) {
      const auto text = client.read("/List/" + key + "/items");
      std::vector<std::string> items;
      std::string_view rest = text ? std::string_view(*text) : std::string_view();
      while (!rest.empty()) {
        const std::size_t comma = std::min(rest.find(','), rest.size());
        items.emplace_back(rest.substr(0, comma));
        rest.remove_prefix(std::min(comma + 1, rest.size()));
      }
      const std::set<std::string> there(items.begin(), items.end());
      const bool all = std::includes(there.begin(), there.end(), expected.begin(), expected.end());
      if (text && (all || patience <= 0)) {
        history_.read_back(
            {.key = key, .list = true, .value = *text, .invoked = asked, .returned = now()});
        history_.check_list(key, items);
        break;
      }
      if (!client.pause()) return;
    }
  }
  read_ = true;
}

}  // namespace perdure::sim
