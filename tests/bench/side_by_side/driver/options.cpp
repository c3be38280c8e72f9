#include "options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>

namespace bench {
namespace {

const std::map<std::string, Scenario> scenarios = {
    {"echo", Scenario::echo},   {"add", Scenario::add},           {"steps", Scenario::steps},
    {"chain", Scenario::chain}, {"sleep", Scenario::sleep},       {"send", Scenario::send},
    {"raw", Scenario::raw},     {"readback", Scenario::readback}, {"probe", Scenario::probe}};

Target target_of(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == text.npos) throw CLI::ValidationError("--targets", "'" + text + "' is no host:port");
  const int port = std::stoi(text.substr(colon + 1));
  return {.host = text.substr(0, colon), .port = static_cast<std::uint16_t>(port)};
}

}  // namespace

Options parse(int argc, char** argv) {
  Options told;
  std::vector<std::string> targets;
  CLI::App app("Asks a server for as much as it can do, and checks every answer.");
  app.add_option("--targets", targets, "host:port, several with commas")
      ->required()
      ->delimiter(',');
  app.add_option("--scenario", told.scenario_name, "What is asked for")
      ->required()
      ->check(CLI::IsMember(scenarios));
  app.add_option("--concurrency", told.concurrency, "Requests in flight");
  app.add_option("--conns", told.connections, "Connections");
  app.add_option("--seconds", told.seconds, "Measured, after the warm-up");
  app.add_option("--warmup", told.warmup, "Seconds before");
  app.add_option("--drain", told.drain, "Seconds in which what is in flight may end");
  app.add_option("--requests", told.requests, "So many, instead of a time");
  app.add_option("--keys", told.keys, "add: objects");
  app.add_option("--payload", told.payload, "echo: bytes");
  app.add_option("--steps", told.steps, "steps: how many");
  app.add_option("--sleep-ms", told.sleep_ms, "sleep: how long");
  app.add_option("--timeline", told.timeline_ms, "Right answers in each so many milliseconds");
  app.add_option("--run-id", told.run_id, "Begins the names of keys, so that runs share none");
  app.add_option("--dump-expected", told.dump_expected, "add: what the keys must have afterwards");
  app.add_option("--expected", told.expected, "readback: such a file");
  app.add_flag("--idempotency", told.idempotency, "Each request has an idempotency key");
  app.add_flag("--retry", told.retry, "What fails is sent again under the same key");
  app.add_flag("--verify", told.verify, "add: reads all keys in the end");
  app.add_flag("--quickack", told.quickack,
               "Acknowledges at once: tells whether a tail of 40 ms is Nagle's; not for measuring");
  try {
    app.parse(argc, argv);
    for (const std::string& text : targets) told.targets.push_back(target_of(text));
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error));
  }
  told.scenario = scenarios.at(told.scenario_name);
  told.idempotency |= told.retry;
  if (told.scenario == Scenario::probe) {
    told.concurrency = 1;
    told.warmup = 0;
  }
  if (told.connections == 0) told.connections = std::clamp(told.concurrency / 16, 1, 16);
  told.connections = std::min(told.connections, told.concurrency);
  return told;
}

}  // namespace bench
