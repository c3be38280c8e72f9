// perdure cluster status | nodes | partitions | logs
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "engine/wire/json.h"
#include "net/verbs/cluster.h"
#include "net/verbs/table.h"
#include "net/verbs/talk.h"

namespace perdure::net {
namespace {

using Json = nlohmann::json;

struct Look {
  const char *name, *doc, *path;
  const char* member;  // that its answer has
  std::string (*show)(const Json&);
};

// A node, or nobody.
std::string node_text(const Json& object, const char* name) {
  const std::string number = text_of(object, name);
  return number == "0" || number == "-" ? "-" : "N" + number;
}

std::string nodes_list(const Json& numbers) {
  std::string text;
  for (const Json& number : numbers) text += (text.empty() ? "N" : " N") + number.dump();
  return text.empty() ? "-" : text;
}

std::string nodes_text(const Json& status) {
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> held;  // by node: leads, all
  for (const Json& partition : status.at("partitions")) {
    auto& [leads, all] = held[text_of(partition, "node")];
    leads += text_of(partition, "mode") == "leader" ? 1 : 0;
    ++all;
  }
  Table table({"NODE", "NAME", "STATE", "HEALTH", "ZONE", "VERSION", "SHARDS", "LEADS",
               "PARTITIONS", "ADDRESS", "INGRESS", "ROLES"});
  for (const Json& node : status.at("nodes")) {
    const auto& [leads, all] = held[text_of(node, "id")];
    table.add({"N" + text_of(node, "id") + ":" + text_of(node, "incarnation"),
               text_of(node, "name"), text_of(node, "state"), text_of(node, "health"),
               text_of(node, "zone"), text_of(node, "version"), text_of(node, "shards"),
               std::to_string(leads), std::to_string(all), text_of(node, "node"),
               text_of(node, "ingress"), text_of(node, "roles")});
  }
  return table.text();
}

// Of a node that is no member of the group: nothing.
std::string metadata_text(const Json& status) {
  const auto found = status.find("metadata");
  if (found == status.end() || !found->contains("voters")) return {};
  return "metadata: leader " + node_text(*found, "leader") + ", voters " +
         nodes_list(found->at("voters")) + ", term " + text_of(*found, "term") + "\n";
}

std::string status_text(const Json& status) {
  Table table({"PARTITION", "NODE", "SHARD", "MODE", "EPOCH", "APPLIED", "DIRTY-BYTES"});
  for (const Json& partition : status.at("partitions")) {
    table.add({text_of(partition, "id"), node_text(partition, "node"), text_of(partition, "shard"),
               text_of(partition, "mode"), text_of(partition, "epoch"),
               text_of(partition, "applied"), text_of(partition, "dirty_bytes")});
  }
  return "cluster " + text_of(status, "cluster") + ", fingerprint " +
         text_of(status, "fingerprint") + "\n" + metadata_text(status) + "\n" + nodes_text(status) +
         "\n" + table.text();
}

std::string plan_text(const Json& plan) {
  Table table({"PARTITION", "LEADER", "REPLICAS", "PINNED", "FROZEN"});
  for (const Json& line : plan.at("partitions")) {
    table.add({text_of(line, "id"), node_text(line, "leader"), nodes_list(line.at("replicas")),
               node_text(line, "pinned"), line.at("frozen").get<bool>() ? "yes" : "no"});
  }
  return "plan " + text_of(plan, "version") + ", replication " + text_of(plan, "replication") +
         "\n\n" + table.text();
}

std::string logs_text(const Json& logs) {
  Table table({"PARTITION", "LOGLET", "BASE", "TAIL", "SEQUENCER", "REPLICATION", "NODESET"});
  for (const Json& log : logs.at("logs")) {
    for (const Json& loglet : log.at("loglets")) {
      const std::string tail = text_of(loglet, "tail");
      table.add({text_of(log, "partition"), text_of(loglet, "id"), text_of(loglet, "base"),
                 tail == "0" ? "open" : tail, node_text(loglet, "sequencer"),
                 text_of(loglet, "replication"), nodes_list(loglet.at("nodeset"))});
    }
  }
  return table.text();
}

constexpr Look status_look = {"status", "Nodes, and what every partition does.", "/cluster/status",
                              "nodes", &status_text};
constexpr Look nodes_look = {"nodes", "Nodes, and how many partitions each leads.",
                             "/cluster/status", "nodes", &nodes_text};
constexpr Look plan_look = {"partitions", "Where partitions are to be, and who is to lead them.",
                            "/cluster/partitions", "partitions", &plan_text};
constexpr Look logs_look = {"logs", "The loglets of each log, and the nodes that have copies.",
                            "/cluster/logs", "logs", &logs_text};

int show(const ToldOfCluster& told, const Look& look, const std::string& json) {
  const Result<Json> seen = wire::json_from_text<Json>(json);
  const bool known = seen && seen->is_object() && seen->contains(look.member);
  if (!known) return complain(told.node + " is not the node port of a server like this", refused);
  std::fputs((told.json ? json : look.show(*seen)).c_str(), stdout);
  std::fflush(stdout);
  return 0;
}

int look_once(const ToldOfCluster& told, const Look& look) {
  const auto answer =
      ask({.node = told.node, .tls = told.tls, .request = {.method = "GET", .target = look.path}});
  return answer ? show(told, look, answer->body) : answer.error();
}

// Again and again, until somebody stops us; a server that is away is waited for.
int look_at(const ToldOfCluster& told, const Look& look) {
  if (!told.watch) return look_once(told, look);
  const bool screen = ::isatty(STDOUT_FILENO) == 1;
  while (true) {
    if (screen) std::fputs("\x1b[H\x1b[2J", stdout);
    (void)look_once(told, look);
    std::this_thread::sleep_for(std::chrono::duration<double>(told.every));
  }
}

}  // namespace

int show_plan(const ToldOfCluster& told, const std::string& json) {
  return show(told, plan_look, json);
}

void add_cluster_looks(CLI::App* cluster, const ToldHere& told, const Chosen& chosen) {
  for (const Look& each : {status_look, nodes_look, plan_look, logs_look}) {
    CLI::App* const made = cluster_verb(cluster, each.name, each.doc, told);
    made->add_flag("--watch", told->watch, "Looks again and again.");
    made->add_option("--every", told->every, "Between two looks. [2]")
        ->type_name("SECONDS")
        ->check(CLI::Range(0.1, 3600.0));
    made->callback([=] { chosen([=] { return look_at(*told, each); }); });
  }
}

}  // namespace perdure::net
