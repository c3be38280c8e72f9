// perdure cluster status | nodes | metadata get | metadata put
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "engine/wire/json.h"
#include "net/verbs/table.h"
#include "net/verbs/talk.h"
#include "net/verbs/verbs.h"

namespace perdure::net {
namespace {

using Json = nlohmann::json;

// What every verb of the noun is told.
struct Told {
  std::string node = "127.0.0.1:5122";
  bool json = false;
  bool watch = false;
  double every = 2;  // seconds between two looks
  std::string key, file, secret_file;
  std::uint64_t expected_version = 0;
};
using ToldHere = std::shared_ptr<Told>;

std::string nodes_text(const Json& status) {
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> held;  // by node: leads, all
  for (const Json& partition : status.at("partitions")) {
    auto& [leads, all] = held[text_of(partition, "node")];
    leads += text_of(partition, "mode") == "leader" ? 1 : 0;
    ++all;
  }
  Table table({"NODE", "NAME", "VERSION", "SHARDS", "LEADS", "PARTITIONS", "ADDRESS", "INGRESS"});
  for (const Json& node : status.at("nodes")) {
    const auto& [leads, all] = held[text_of(node, "id")];
    table.add({"N" + text_of(node, "id") + ":" + text_of(node, "incarnation"),
               text_of(node, "name"), text_of(node, "version"), text_of(node, "shards"),
               std::to_string(leads), std::to_string(all), text_of(node, "node"),
               text_of(node, "ingress")});
  }
  return table.text();
}

std::string status_text(const Json& status) {
  Table table({"PARTITION", "NODE", "SHARD", "MODE", "EPOCH", "APPLIED", "DIRTY-BYTES"});
  for (const Json& partition : status.at("partitions")) {
    table.add({text_of(partition, "id"), text_of(partition, "node"), text_of(partition, "shard"),
               text_of(partition, "mode"), text_of(partition, "epoch"),
               text_of(partition, "applied"), text_of(partition, "dirty_bytes")});
  }
  return "cluster " + text_of(status, "cluster") + ", fingerprint " +
         text_of(status, "fingerprint") + "\n\n" + nodes_text(status) + "\n" + table.text();
}

// One look at /cluster/status, shown by `show`.
int look(const Told& told, std::string (*show)(const Json&)) {
  const auto answer =
      ask({.node = told.node, .request = {.method = "GET", .target = "/cluster/status"}});
  if (!answer) return answer.error();
  const Result<Json> status = wire::json_from_text<Json>(answer->body);
  const bool known = status && status->contains("nodes") && status->contains("partitions");
  if (!known) return complain(told.node + " is not the node port of a server like this", refused);
  std::fputs((told.json ? answer->body : show(*status)).c_str(), stdout);
  std::fflush(stdout);
  return 0;
}

// Again and again, until somebody stops us; a server that is away is waited for.
int watch(const Told& told, std::string (*show)(const Json&)) {
  if (!told.watch) return look(told, show);
  const bool screen = ::isatty(STDOUT_FILENO) == 1;
  while (true) {
    if (screen) std::fputs("\x1b[H\x1b[2J", stdout);
    (void)look(told, show);
    std::this_thread::sleep_for(std::chrono::duration<double>(told.every));
  }
}

int get(const Told& told) {
  const auto answer = ask(
      {.node = told.node, .request = {.method = "GET", .target = "/cluster/metadata/" + told.key}});
  if (!answer) return answer.error();
  const std::string* const version = io::find_header(answer->headers, "version");
  if (!told.file.empty()) {
    std::ofstream file(told.file, std::ios::binary);
    file << answer->body;
    if (!file.flush()) return complain("cannot write '" + told.file + "'", file_trouble);
  }
  const Json line = {{"key", told.key},
                     {"version", std::stoull(version ? *version : "0")},
                     {"bytes", answer->body.size()}};
  if (told.json) {
    std::printf("%s\n", line.dump().c_str());
  } else {
    std::printf("%s, version %s, %zu bytes\n", told.key.c_str(),
                version ? version->c_str() : "unknown", answer->body.size());
  }
  return 0;
}

int put(const Told& told) {
  std::ifstream file(told.file, std::ios::binary);
  if (!file) return complain("cannot read '" + told.file + "'", file_trouble);
  const std::string value(std::istreambuf_iterator<char>(file), {});
  io::Request request = {.method = "PUT", .target = "/cluster/metadata/" + told.key};
  request.headers.push_back({"expected-version", std::to_string(told.expected_version)});
  const auto answer = ask({.node = told.node,
                           .request = std::move(request),
                           .body = value,
                           .secret_file = told.secret_file});
  if (!answer) return answer.error();
  std::printf("%s is version %llu now\n", told.key.c_str(),
              static_cast<unsigned long long>(told.expected_version + 1));
  return 0;
}

CLI::App* verb(CLI::App* noun, const char* name, const char* doc, const ToldHere& told) {
  CLI::App* const made = noun->add_subcommand(name, doc);
  made->add_option("--node", told->node, "Node port of any node. [127.0.0.1:5122]")
      ->type_name("HOST:PORT");
  made->add_flag("--json", told->json, "Prints JSON.");
  return made;
}

void add_looks(CLI::App* cluster, const ToldHere& told, const Chosen& chosen) {
  struct Look {
    const char *name, *doc;
    std::string (*show)(const Json&);
  };
  for (const Look& each :
       {Look{"status", "Nodes, and what every partition does.", &status_text},
        Look{"nodes", "Nodes, and how many partitions each leads.", &nodes_text}}) {
    CLI::App* const made = verb(cluster, each.name, each.doc, told);
    made->add_flag("--watch", told->watch, "Looks again and again.");
    made->add_option("--every", told->every, "Between two looks. [2]")
        ->type_name("SECONDS")
        ->check(CLI::Range(0.1, 3600.0));
    made->callback([=, show = each.show] { chosen([=] { return watch(*told, show); }); });
  }
}

void add_metadata(CLI::App* cluster, const ToldHere& told, const Chosen& chosen) {
  CLI::App* const metadata =
      cluster->add_subcommand("metadata", "Objects that the whole cluster agrees on.");
  metadata->require_subcommand(1);
  CLI::App* const reads =
      verb(metadata, "get", "Tells an object's version, and writes it down.", told);
  reads->add_option("key", told->key, "Such as \"schema\".")->required();
  reads->add_option("--out", told->file, "File for the object's bytes.")->type_name("FILE");
  reads->callback([=] { chosen([=] { return get(*told); }); });

  CLI::App* const writes = verb(metadata, "put", "Replaces an object, if nobody was faster.", told);
  writes->add_option("key", told->key, "Such as \"schema\".")->required();
  writes->add_option("--file", told->file, "The new bytes.")->type_name("FILE")->required();
  writes->add_option("--expected-version", told->expected_version, "As `get` told it; 0: none yet.")
      ->required();
  writes->add_option("--secret-file", told->secret_file, "The cluster's secret, if it has one.")
      ->type_name("FILE");
  writes->callback([=] { chosen([=] { return put(*told); }); });
}

}  // namespace

void add_cluster(CLI::App& app, const Chosen& chosen) {
  CLI::App* const cluster = app.add_subcommand("cluster", "Looks at a cluster, and changes it.");
  cluster->require_subcommand(1);
  const auto told = std::make_shared<Told>();
  add_looks(cluster, told, chosen);
  add_metadata(cluster, told, chosen);
}

}  // namespace perdure::net
