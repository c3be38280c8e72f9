// perdure log describe | dump | find-tail | seal | reconfigure | trim | bench
//
// The first two look at a server, or at the data directory of one that is not running.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "engine/node/log_directory.h"
#include "engine/wire/json.h"
#include "net/disk/disk.h"
#include "net/disk/scratch.h"
#include "net/loop/loop.h"
#include "net/verbs/no_trace.h"
#include "net/verbs/table.h"
#include "net/verbs/talk.h"
#include "net/verbs/verbs.h"

namespace perdure::net {
namespace {

using Json = nlohmann::json;

constexpr Duration change_patience = std::chrono::seconds(45);  // nodes may have to be asked

struct Told {
  std::string node = "127.0.0.1:5122";
  TlsFiles tls;
  std::string data_dir, secret_file;
  std::optional<std::uint64_t> partition;
  std::uint64_t from = 1, most = 100, to = 0;
  bool json = false;
};
using ToldHere = std::shared_ptr<Told>;

// --- from a data directory ---------------------------------------------------------------

// `look` is given the log as a start of the server would recover it; nothing is written.
Result<std::string> in_directory(
    const std::string& folder,
    const std::function<Result<std::string>(node::LogDirectory&)>& look) {
  const Result<FolderLock> lock = FolderLock::look(folder);
  if (!lock) return std::unexpected(lock.error());
  Loop loop;
  ScratchDisk disk(folder);
  NoTrace trace;
  Result<std::string> text;
  loop.scheduler.spawn_root("look", [&] {
    auto directory = node::LogDirectory::open(disk, loop.scheduler, trace);
    if (directory) {
      text = look(**directory);
      (*directory)->close();
    } else {
      text = std::unexpected(directory.error());
    }
    loop.stop();
  });
  loop.run();
  return text;
}

int show_directory(const Told& told,
                   const std::function<Result<std::string>(node::LogDirectory&)>& look,
                   std::string (*show)(const std::string&)) {
  const Result<std::string> text = in_directory(told.data_dir, look);
  if (!text) {
    const bool in_use = text.error().code == Code::conflict;
    return complain(told.data_dir + ": " + text.error().detail,
                    in_use ? unreachable : data_trouble);
  }
  std::fputs((told.json ? *text : show(*text)).c_str(), stdout);
  return 0;
}

// --- from a server -----------------------------------------------------------------------

struct Asked {
  std::string method, target;
};

int show_answer(const Told& told, Asked asked, std::string (*show)(const std::string&)) {
  const bool changes = asked.method == "POST";
  const auto answer = ask({.node = told.node,
                           .tls = told.tls,
                           .request = {.method = asked.method, .target = asked.target},
                           .body = {},
                           .secret_file = changes ? told.secret_file : "",
                           .within = change_patience});
  if (!answer) return answer.error();
  std::fputs((told.json ? answer->body : show(answer->body)).c_str(), stdout);
  return 0;
}

std::string target_of(const Told& told, const std::string& word) {
  return "/log/" + std::to_string(told.partition.value_or(0)) + word;
}

// --- for people --------------------------------------------------------------------------

std::string nodes_text(const Json& nodes) {
  std::string text;
  for (const Json& node : nodes) text += (text.empty() ? "" : ",") + node.dump();
  return text;
}

std::string tail_text(const Json& loglet) {
  return loglet.at("tail") == 0 ? "open" : loglet.at("tail").dump();
}

std::string chain_text(const Json& chain) {
  Table table({"LOGLET", "BASE", "TAIL", "NODES", "REPLICATION", "SEQUENCER"});
  for (const Json& loglet : chain.at("loglets")) {
    table.add({text_of(loglet, "id"), text_of(loglet, "base"), tail_text(loglet),
               nodes_text(loglet.at("nodeset")), text_of(loglet, "replication"),
               text_of(loglet, "sequencer")});
  }
  return "partition " + text_of(chain, "id") + ", version " + text_of(chain, "version") +
         ", trimmed up to " + text_of(chain, "trim_point") + "\n" + table.text();
}

std::string here_text(const Json& here) {
  Table table({"LOGLET", "TRIMMED", "LAST", "MISSING", "SEALED"});
  for (const Json& copy : here) {
    table.add({text_of(copy, "loglet"), text_of(copy, "trim_point"), text_of(copy, "last"),
               text_of(copy, "missing"), copy.at("sealed") == true ? "yes" : "no"});
  }
  return table.text();
}

// What a server or a directory says, told by `tell`; as it is when it is no JSON.
template <class Tell>
std::string told_as_json(const std::string& text, Tell tell) {
  const Result<Json> json = wire::json_from_text<Json>(text);
  return json ? tell(*json) : text;
}

std::string one_chain_text(const std::string& text) { return told_as_json(text, chain_text); }

std::string chains_text(const std::string& text) {
  return told_as_json(text, [](const Json& all) {
    std::string shown;
    for (const Json& chain : all.at("partitions")) {
      shown += (shown.empty() ? "" : "\n") + chain_text(chain);
    }
    return shown;
  });
}

std::string directory_text(const std::string& text) {
  return told_as_json(text, [](const Json& all) {
    Table streams({"STREAM", "DISK-BYTES", "FRAMES", "TORN-BYTES"});
    for (const Json& stream : all.at("streams")) {
      streams.add({text_of(stream, "stream"), text_of(stream, "disk_bytes"),
                   text_of(stream, "frames"), text_of(stream, "torn_bytes")});
    }
    std::string shown = "cluster " + text_of(all, "cluster") + ", node " + text_of(all, "node") +
                        "\n" + streams.text();
    for (const Json& partition : all.at("partitions")) {
      shown += "\n" + (partition.contains("chain")
                           ? chain_text(partition.at("chain"))
                           : "partition " + text_of(partition, "id") + ", its chain is not here\n");
      shown += "here:\n" + here_text(partition.at("here"));
    }
    return shown;
  });
}

std::string command_text(const Json& command) {
  std::string text = text_of(command, "command");
  for (const Json& id : command.at("ids")) text += " " + id.get<std::string>();
  return text;
}

std::string records_text(const std::string& lines) {
  Table table({"LSN", "AT", "PRODUCER", "BYTES", "COMMANDS"});
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t end = lines.find('\n', at);
    const Result<Json> record = wire::json_from_text<Json>(
        std::string_view(lines).substr(at, end == lines.npos ? lines.npos : end - at));
    at = end == lines.npos ? lines.size() : end + 1;
    if (!record) continue;
    std::string commands = record->contains("error") ? text_of(*record, "error") : "";
    if (record->contains("commands")) {
      for (const Json& command : record->at("commands")) {
        commands += (commands.empty() ? "" : "; ") + command_text(command);
      }
    }
    if (record->contains("beyond_tail")) commands += " (beyond the tail: never committed)";
    table.add({text_of(*record, record->contains("lsn") ? "lsn" : "offset"), text_of(*record, "at"),
               text_of(*record, "producer"), text_of(*record, "bytes"), commands});
  }
  return table.text();
}

std::string end_text(const std::string& text) {
  return told_as_json(text, [](const Json& end) {
    return "partition " + text_of(end, "id") + ": tail " + text_of(end, "tail") + ", " +
           text_of(end, "state") + ", says the " + text_of(end, "by") + "\n";
  });
}

std::string trimmed_text(const std::string& text) {
  return told_as_json(text, [](const Json& end) {
    return "partition " + text_of(end, "id") + " is trimmed up to " + text_of(end, "trim_point") +
           "\n";
  });
}

// --- the verbs ---------------------------------------------------------------------------

int describe(const Told& told) {
  if (told.data_dir.empty()) {
    return told.partition ? show_answer(told, {"GET", target_of(told, "")}, one_chain_text)
                          : show_answer(told, {"GET", "/log"}, chains_text);
  }
  std::optional<PartitionId> only;
  if (told.partition) only = PartitionId(*told.partition);
  return show_directory(
      told, [&](node::LogDirectory& directory) { return directory.describe(only); },
      directory_text);
}

int dump(const Told& told) {
  if (told.data_dir.empty()) {
    return show_answer(told,
                       {"GET", target_of(told, "/records?from=" + std::to_string(told.from) +
                                                   "&most=" + std::to_string(told.most))},
                       records_text);
  }
  return show_directory(
      told,
      [&](node::LogDirectory& directory) {
        return directory.dump(
            {.partition = PartitionId(*told.partition), .from = Lsn(told.from), .most = told.most});
      },
      records_text);
}

int trim(const Told& told) {
  return show_answer(told, {"POST", target_of(told, "/trim?to=" + std::to_string(told.to))},
                     trimmed_text);
}

struct Grammar {
  CLI::App* noun;
  ToldHere told;
  Chosen chosen;

  CLI::App* verb(const char* name, const char* doc, int (*run)(const Told&)) const {
    CLI::App* const made = noun->add_subcommand(name, doc);
    made->add_flag("--json", told->json, "Prints JSON.");
    made->callback([told = told, chosen = chosen, run] { chosen([=] { return run(*told); }); });
    return made;
  }
  CLI::Option* node(CLI::App* verb) const {
    take_tls(verb, told->tls);
    return verb->add_option("--node", told->node, "Node port of a server. [127.0.0.1:5122]")
        ->type_name("HOST:PORT");
  }
  void directory(CLI::App* verb) const {
    verb->add_option("--data-dir", told->data_dir,
                     "Of a server that is not running, instead of asking one.")
        ->type_name("DIR")
        ->excludes(node(verb));
  }
  CLI::Option* partition(CLI::App* verb) const {
    return verb->add_option("--partition", told->partition, "Whose log.")->type_name("NUMBER");
  }
  CLI::App* change(const char* name, const char* doc, int (*run)(const Told&)) const {
    CLI::App* const made = verb(name, doc, run);
    node(made);
    partition(made)->required();
    made->add_option("--secret-file", told->secret_file, "The cluster's secret, if it has one.")
        ->type_name("FILE");
    return made;
  }
};

}  // namespace

void add_log(CLI::App& app, const Chosen& chosen) {
  CLI::App* const noun =
      app.add_subcommand("log", "Looks at the logs of partitions, changes them.");
  noun->require_subcommand(1);
  const Grammar grammar{.noun = noun, .told = std::make_shared<Told>(), .chosen = chosen};

  CLI::App* const describes = grammar.verb("describe", "Shows chains and their loglets.", describe);
  grammar.directory(describes);
  grammar.partition(describes);

  CLI::App* const dumps = grammar.verb("dump", "Shows records, each command by name.", dump);
  grammar.directory(dumps);
  grammar.partition(dumps)->required();
  dumps->add_option("--from", grammar.told->from, "The first record's number. [1]");
  dumps->add_option("--most", grammar.told->most, "So many records. [100]");

  CLI::App* const finds = grammar.verb("find-tail", "Asks where a log ends.", [](const Told& told) {
    return show_answer(told, {"GET", target_of(told, "/tail")}, end_text);
  });
  grammar.node(finds);
  grammar.partition(finds)->required();

  grammar.change("seal", "Ends the open loglet of a log.", [](const Told& told) {
    return show_answer(told, {"POST", target_of(told, "/seal")}, end_text);
  });
  grammar.change("reconfigure", "Ends it, and waits until another is open.", [](const Told& told) {
    return show_answer(told, {"POST", target_of(told, "/reconfigure")}, one_chain_text);
  });
  CLI::App* const trims =
      grammar.change("trim", "Lets old records go that a snapshot contains.", trim);
  trims->add_option("--to", grammar.told->to, "The last that may go.")->required();
  add_log_bench(*noun, chosen);
}

}  // namespace perdure::net
