#include "net/options.h"

#include <algorithm>
#include <limits>
#include <thread>
#include <utility>

#include "net/sockets/address.h"
#include "net/units.h"

namespace perdure::net {
namespace {

// A field of the settings, by a function that finds it.
template <class T>
using Find = T& (*)(Settings&);

template <class T>
T default_of(Find<T> find) {
  Settings defaults;
  return find(defaults);
}

struct Words {  // what every row has
  std::string_view name, doc;
};

Option row(const Words& words, std::string type, std::string default_text) {
  Option option;
  option.name = words.name;
  option.doc = words.doc;
  option.type = std::move(type);
  option.default_text = std::move(default_text);
  return option;
}

Result<void> within(std::uint64_t value, std::uint64_t least, std::uint64_t most,
                    std::string_view text, const std::string& range) {
  if (value >= least && value <= most) return {};
  return fail(Code::invalid, "'" + std::string(text) + "' is not in the range " + range);
}

Option text(Words words, Find<std::string> find) {
  Option option = row(words, "text", default_of(find));
  option.set = [find](Settings& settings, std::string_view value) -> Result<void> {
    find(settings) = value;
    return {};
  };
  return option;
}

Option name(Words words, Find<std::string> find) {
  Option option = row(words, "name", default_of(find));
  option.range = "1 to 64 of a-z A-Z 0-9 . _ -";
  option.set = [find](Settings& settings, std::string_view value) -> Result<void> {
    const bool plain = std::ranges::all_of(value, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '.' || c == '_' || c == '-';
    });
    if (!plain || value.empty() || value.size() > 64) {
      return fail(Code::invalid, "'" + std::string(value) + "' is no name: " +
                                     "1 to 64 letters, digits, dots, underscores or dashes");
    }
    find(settings) = value;
    return {};
  };
  return option;
}

Option address(Words words, Find<std::string> find) {
  Option option = row(words, "address", default_of(find));
  option.set = [find](Settings& settings, std::string_view value) -> Result<void> {
    TRY_VOID(parse_host_port(value));
    find(settings) = value;
    return {};
  };
  return option;
}

template <class Int>
Option number(Words words, std::uint64_t least, std::uint64_t most, Find<Int> find) {
  Option option = row(words, "number", std::to_string(default_of(find)));
  option.range = std::to_string(least) + " to " + std::to_string(most);
  option.set = [=, range = option.range](Settings& settings,
                                         std::string_view value) -> Result<void> {
    TRY(parsed, parse_number(value));
    TRY_VOID(within(parsed, least, most, value, range));
    find(settings) = static_cast<Int>(parsed);
    return {};
  };
  return option;
}

Option number_or_no_end(Words words, std::uint64_t least, std::uint64_t most,
                        Find<std::optional<std::uint64_t>> find) {
  Option option = row(words, "number or unlimited", std::to_string(*default_of(find)));
  option.range = std::to_string(least) + " to " + std::to_string(most);
  option.set = [=, range = option.range](Settings& settings,
                                         std::string_view value) -> Result<void> {
    if (value == "unlimited") {
      find(settings) = std::nullopt;
      return {};
    }
    TRY(parsed, parse_number(value));
    TRY_VOID(within(parsed, least, most, value, range));
    find(settings) = parsed;
    return {};
  };
  return option;
}

template <class Int>
Option bytes(Words words, std::uint64_t least, std::uint64_t most, Find<Int> find) {
  Option option = row(words, "bytes", bytes_as_text(default_of(find)));
  option.range = bytes_as_text(least) + " to " + bytes_as_text(most);
  option.set = [=, range = option.range](Settings& settings,
                                         std::string_view value) -> Result<void> {
    TRY(parsed, parse_bytes(value));
    TRY_VOID(within(parsed, least, most, value, range));
    find(settings) = static_cast<Int>(parsed);
    return {};
  };
  return option;
}

template <class Span>
Option duration(Words words, Duration least, Duration most, Find<Span> find) {
  Option option = row(words, "duration", duration_as_text(default_of(find)));
  option.range = duration_as_text(least) + " to " + duration_as_text(most);
  option.set = [=, range = option.range](Settings& settings,
                                         std::string_view value) -> Result<void> {
    TRY(parsed, parse_duration(value));
    if (parsed < least || parsed > most) {
      return fail(Code::invalid, "'" + std::string(value) + "' is not in the range " + range);
    }
    find(settings) = std::chrono::duration_cast<Span>(parsed);
    return {};
  };
  return option;
}

Option truth(Words words, Find<bool> find) {
  Option option = row(words, "true or false", default_of(find) ? "true" : "false");
  option.set = [find](Settings& settings, std::string_view value) -> Result<void> {
    TRY(parsed, parse_truth(value));
    find(settings) = parsed;
    return {};
  };
  return option;
}

Option truth_or_neither(Words words, Find<std::optional<bool>> find) {
  Option option = row(words, "true or false", "");
  option.set = [find](Settings& settings, std::string_view value) -> Result<void> {
    TRY(parsed, parse_truth(value));
    find(settings) = parsed;
    return {};
  };
  return option;
}

template <class Enum>
Option choice(Words words, std::vector<std::pair<std::string, Enum>> values, Find<Enum> find) {
  Option option = row(words, "one of: ", "");
  for (const auto& [word, value] : values) {
    option.type += (word == values.front().first ? "" : ", ") + word;
    if (value == default_of(find)) option.default_text = word;
  }
  option.set = [=, type = option.type](Settings& settings, std::string_view text) -> Result<void> {
    for (const auto& [word, value] : values) {
      if (word != text) continue;
      find(settings) = value;
      return {};
    }
    return fail(Code::invalid, "'" + std::string(text) + "' is not " + type);
  };
  return option;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view part = text.substr(0, comma);
    if (!part.empty()) parts.emplace_back(part);
    text = comma == std::string_view::npos ? "" : text.substr(comma + 1);
  }
  return parts;
}

Option addresses(Words words, Find<std::vector<std::string>> find) {
  Option option = row(words, "addresses, comma between", "");
  option.set = [find](Settings& settings, std::string_view value) -> Result<void> {
    std::vector<std::string> parts = split(value);
    for (const std::string& part : parts) TRY_VOID(parse_host_port(part));
    find(settings) = std::move(parts);
    return {};
  };
  return option;
}

Option replication(Words words) {
  Option option = row(words, "number, or like {node: 3, zone: 2}", "1");
  option.set = [](Settings& settings, std::string_view value) -> Result<void> {
    TRY(parsed, log::parse_replication(value));
    settings.node.replication = parsed;
    return {};
  };
  return option;
}

Option roles(Words words) {
  using control::NodeRole;
  static const std::vector<std::pair<std::string, NodeRole>> known = {
      {"metadata", NodeRole::metadata},
      {"log", NodeRole::log},
      {"worker", NodeRole::worker},
      {"ingress", NodeRole::ingress},
      {"admin", NodeRole::admin}};
  Option option = row(words, "some of:", "all");
  for (const auto& [word, role] : known) option.type += " " + word;
  option.set = [](Settings& settings, std::string_view value) -> Result<void> {
    std::uint32_t chosen = 0;
    for (const std::string& part : split(value)) {
      const auto found = std::ranges::find(known, part, &std::pair<std::string, NodeRole>::first);
      if (found == known.end()) {
        std::vector<std::string> names;
        for (const auto& [word, role] : known) names.push_back(word);
        return fail(Code::invalid,
                    "'" + part + "' is unknown, the nearest is '" + nearest(part, names) + "'");
      }
      chosen |= static_cast<std::uint32_t>(found->second);
    }
    if (chosen == 0) return fail(Code::invalid, "a node has one role at least");
    settings.node.roles = chosen;
    return {};
  };
  return option;
}

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using Strings = std::vector<std::string>;

std::vector<Option> server_options() {
  return {
      text({"data-dir", "Folder of everything durable; made when it is absent, and locked."},
           [](Settings& s) -> std::string& { return s.process.data_dir; }),
      address({"ingress", "Where callers of services connect, over HTTP/1.1 or HTTP/2."},
              [](Settings& s) -> std::string& { return s.node.ingress_address; }),
      address({"admin", "Where operators and the command line tool connect."},
              [](Settings& s) -> std::string& { return s.node.admin_address; }),
      text({"advertised-ingress", "Ingress address to show to clients; empty: the one above."},
           [](Settings& s) -> std::string& { return s.node.advertised_ingress; }),
      number<std::uint32_t>({"shards", "Threads that run partitions, each with its own share."}, 1,
                            64, [](Settings& s) -> auto& { return s.process.shards; }),
      number<std::size_t>({"blocking-threads", "Threads for calls that block, at most."}, 1, 64,
                          [](Settings& s) -> auto& { return s.process.blocking_threads; }),
      text({"bucket", "Folder for snapshots; empty: 'snapshots' in the data directory."},
           [](Settings& s) -> std::string& { return s.process.bucket; }),
      duration<Duration>({"drain", "How long a graceful stop waits for requests under way."},
                         milliseconds(0), minutes(10),
                         [](Settings& s) -> auto& { return s.node.drain; }),
      choice<io::Level>({"log-level", "The least grave events that are logged."},
                        {{"debug", io::Level::debug},
                         {"info", io::Level::info},
                         {"warn", io::Level::warn},
                         {"error", io::Level::error}},
                        [](Settings& s) -> auto& { return s.process.log.level; }),
      choice<LineFormat>({"log-format", "Lines for people or for machines."},
                         {{"pretty", LineFormat::pretty}, {"json", LineFormat::json}},
                         [](Settings& s) -> auto& { return s.process.log.format; }),
  };
}

std::vector<Option> cluster_options() {
  return {
      name({"cluster-name", "Nodes of another cluster are refused by this name."},
           [](Settings& s) -> std::string& { return s.node.cluster_name; }),
      name({"node-name", "The name of this node, its own within the cluster."},
           [](Settings& s) -> std::string& { return s.node.node_name; }),
      address({"node", "Where the other nodes of the cluster connect."},
              [](Settings& s) -> std::string& { return s.node.node_address; }),
      text({"advertised-node", "Node address to show to others; empty: the one above."},
           [](Settings& s) -> std::string& { return s.node.advertised_node; }),
      text({"secret-file",
            "File with the secret of the cluster, on its first line: other nodes, and operators "
            "who change something, must know it. Empty: none."},
           [](Settings& s) -> std::string& { return s.secret_file; }),
      text({"tls-cert",
            "PEM file with this node's certificate: with it, 'tls-key' and 'tls-ca' the node port "
            "speaks TLS 1.3 only, with those who show a certificate of the same CA. Empty: no "
            "TLS."},
           [](Settings& s) -> std::string& { return s.tls.cert; }),
      text({"tls-key", "PEM file with the private key of that certificate."},
           [](Settings& s) -> std::string& { return s.tls.key; }),
      text({"tls-ca",
            "PEM file with the CA of the cluster: whoever has a certificate of it is let in."},
           [](Settings& s) -> std::string& { return s.tls.ca; }),
      number<std::uint32_t>(
          {"partitions", "Partitions of a new cluster; one that exists keeps its number."}, 1, 1024,
          [](Settings& s) -> auto& { return s.node.partitions; }),
      addresses({"join",
                 "Node addresses of a cluster that a node with an empty data directory joins; one "
                 "that answers is enough. Empty: it makes its own."},
                [](Settings& s) -> Strings& { return s.node.join; }),
      replication({"replication",
                   "Of a new cluster: nodes that hold each record, and each partition. One less "
                   "may be lost."}),
      truth_or_neither(
          {"auto-provision",
           "Whether a node with an empty data directory makes a cluster: true, when it finds none "
           "to join; false, when it is told to by 'perdure cluster provision'. Empty: when it has "
           "nobody else to join, or is itself the first of those."},
          [](Settings& s) -> auto& { return s.node.auto_provision; }),
      roles({"roles", "What this node does."}),
      text({"zone", "Where this node stands: copies are spread over zones when replication asks."},
           [](Settings& s) -> std::string& { return s.node.zone; }),
      text({"region", "The region of its zone."},
           [](Settings& s) -> std::string& { return s.node.region; }),
  };
}

std::vector<Option> limit_options() {
  return {
      bytes<std::size_t>({"request-bytes-max", "Largest body of a request, and largest message."},
                         1024, 1 << 30,
                         [](Settings& s) -> auto& { return s.node.request_bytes_max; }),
      number<std::uint32_t>(
          {"concurrent-requests-max", "Requests under way at the ingress, of one shard."}, 1,
          1'000'000, [](Settings& s) -> auto& { return s.node.concurrent_requests_max; }),
      number<std::uint32_t>(
          {"concurrent-invocations-max", "Attempts under way at handlers, of one shard."}, 1,
          1'000'000, [](Settings& s) -> auto& { return s.node.concurrent_invocations_max; }),
  };
}

std::vector<Option> storage_options() {
  return {
      bytes<std::uint64_t>(
          {"segment-bytes", "Size of a file of the log; holds the largest request and then some."},
          1 << 20, 1 << 30, [](Settings& s) -> auto& { return s.node.segment_bytes; }),
      bytes<std::uint64_t>({"checkpoint-log-bytes",
                            "Log behind the last checkpoints, of one shard, that asks for a new "
                            "one: what a crash has to replay."},
                           1 << 20, 1ULL << 40,
                           [](Settings& s) -> auto& { return s.node.checkpoint_log_bytes; }),
      bytes<std::uint64_t>(
          {"dirty-bytes-max", "Rows in memory that ask for a checkpoint, of one shard."}, 1 << 20,
          1ULL << 40, [](Settings& s) -> auto& { return s.node.dirty_bytes_max; }),
      duration<Duration>({"checkpoint-every", "Time since the last checkpoint that asks for one."},
                         seconds(1), hours(24),
                         [](Settings& s) -> auto& { return s.node.checkpoint_every; }),
  };
}

std::vector<Option> invocation_options() {
  constexpr Duration ever = hours(24 * 3650);
  return {
      truth({"protocol-v7", "Offers version 7 of the service protocol to new invocations."},
            [](Settings& s) -> bool& { return s.node.protocol_v7; }),
      duration<milliseconds>(
          {"inactivity-timeout",
           "A handler that says nothing for so long is asked to suspend. 0: "
           "it is told nothing while it runs, but suspends and is called "
           "again, as behind HTTP/1.1."},
          milliseconds(0), ever,
          [](Settings& s) -> auto& { return s.node.invocation_defaults.inactivity_timeout; }),
      duration<milliseconds>(
          {"abort-timeout", "A handler that was asked to suspend is cut off after so long."},
          milliseconds(1), ever,
          [](Settings& s) -> auto& { return s.node.invocation_defaults.abort_timeout; }),
      duration<milliseconds>(
          {"journal-retention", "How long the journal of a completed invocation is kept."},
          milliseconds(0), ever,
          [](Settings& s) -> auto& { return s.node.invocation_defaults.journal_retention; }),
      duration<milliseconds>(
          {"idempotency-retention", "How long the answer to an idempotency key is kept."},
          milliseconds(0), ever,
          [](Settings& s) -> auto& { return s.node.invocation_defaults.idempotency_retention; }),
      duration<milliseconds>({"workflow-retention", "How long a completed workflow is kept."},
                             milliseconds(0), ever,
                             [](Settings& s) -> auto& {
                               return s.node.invocation_defaults.workflow_completion_retention;
                             }),
      duration<milliseconds>(
          {"retry-initial-interval", "Pause before the first retry of an attempt that failed."},
          milliseconds(1), ever,
          [](Settings& s) -> auto& { return s.node.invocation_defaults.retry_initial_interval; }),
      duration<milliseconds>(
          {"retry-max-interval", "The longest pause between two retries."}, milliseconds(1), ever,
          [](Settings& s) -> auto& { return s.node.invocation_defaults.retry_max_interval; }),
      number_or_no_end(
          {"retry-max-attempts",
           "Attempts of one step, the first included, before it is given up."},
          1, 1'000'000'000,
          [](Settings& s) -> auto& { return s.node.invocation_defaults.retry_max_attempts; }),
      choice<wire::OnMaxAttempts>(
          {"retry-on-max-attempts",
           "What comes of an invocation that is given up: it waits for an operator, or it ends."},
          {{"pause", wire::OnMaxAttempts::pause}, {"kill", wire::OnMaxAttempts::kill}},
          [](Settings& s) -> auto& { return s.node.invocation_defaults.retry_on_max_attempts; }),
      truth({"lazy-state", "Handlers get state when they ask for it, not all of it in advance."},
            [](Settings& s) -> bool& { return s.node.invocation_defaults.enable_lazy_state; }),
  };
}

void append(std::vector<Option>& all, std::string_view section, std::vector<Option> more) {
  for (Option& option : more) {
    option.section = section;
    all.push_back(std::move(option));
  }
}

std::vector<Option> make_options() {
  std::vector<Option> all;
  append(all, "Server", server_options());
  append(all, "Cluster", cluster_options());
  append(all, "Limits", limit_options());
  append(all, "Storage", storage_options());
  append(all, "Invocations", invocation_options());
  for (Option& option : all) {
    if (option.name == "shards") option.default_text = "one for each core, 8 at most";
  }
  return all;
}

// As Markdown's tables want it.
std::string cell(std::string text) {
  for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) {
    text.insert(at, 1, '\\');
  }
  return text;
}

}  // namespace

Settings::Settings() { process.shards = std::clamp(std::thread::hardware_concurrency(), 1U, 8U); }

const std::vector<Option>& all_options() {
  static const std::vector<Option> options = make_options();
  return options;
}

std::string options_as_markdown() {
  std::string out =
      "# Configuration\n\n"
      "Every setting of `perdure serve` has one name, and may be given in three places. A flag\n"
      "wins over the environment, the environment over the file, the file over the default:\n\n"
      "    perdure serve --data-dir /srv/perdure          flag\n"
      "    PERDURE_DATA_DIR=/srv/perdure perdure serve    environment\n"
      "    data-dir = \"/srv/perdure\"                      file, given by --config F or "
      "PERDURE_CONFIG\n\n"
      "The file is TOML. A setting that is not in these tables is refused.\n\n"
      "Sizes are written like `64MiB`, `512KB` or `4096`; durations like `500ms`, `10s`, `5m`,\n"
      "`24h` or `7d`; addresses like `127.0.0.1:8080`, `[::1]:8080` or `:8080` for every\n"
      "interface, with port 0 for any that is free.\n\n"
      "This page is written by `perdure config --markdown`.\n";
  std::string section;
  for (const Option& option : all_options()) {
    if (option.section != section) {
      section = option.section;
      out += "\n## " + section + "\n\n| setting | type | default | meaning |\n|---|---|---|---|\n";
    }
    const std::string range = option.range.empty() ? "" : ", " + option.range;
    const std::string value = option.default_text.empty() ? "" : "`" + option.default_text + "`";
    out += "| `" + option.name + "` | " + cell(option.type + range) + " | " + cell(value) + " | " +
           cell(option.doc) + " |\n";
  }
  return out;
}

std::string nearest(std::string_view word, std::span<const std::string> candidates) {
  const auto changes = [&](std::string_view other) {  // Levenshtein's distance
    std::vector<std::size_t> above(other.size() + 1);
    for (std::size_t i = 0; i < above.size(); ++i) above[i] = i;
    for (std::size_t i = 0; i < word.size(); ++i) {
      std::vector<std::size_t> here = {i + 1};
      for (std::size_t j = 0; j < other.size(); ++j) {
        const std::size_t replaced = above[j] + (word[i] == other[j] ? 0 : 1);
        here.push_back(std::min({replaced, above[j + 1] + 1, here[j] + 1}));
      }
      above = std::move(here);
    }
    return above.back();
  };
  const auto best = std::ranges::min_element(candidates, {}, changes);
  return best == candidates.end() ? "" : *best;
}

}  // namespace perdure::net
