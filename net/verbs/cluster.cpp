// perdure cluster metadata get | metadata put, and the noun itself
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>

#include "net/verbs/cluster.h"
#include "net/verbs/talk.h"

namespace perdure::net {
namespace {

using Json = nlohmann::json;

int get(const ToldOfCluster& told) {
  const auto answer =
      ask({.node = told.node,
           .tls = told.tls,
           .request = {.method = "GET", .target = "/cluster/metadata/" + told.key}});
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

int put(const ToldOfCluster& told) {
  std::ifstream file(told.file, std::ios::binary);
  if (!file) return complain("cannot read '" + told.file + "'", file_trouble);
  const std::string value(std::istreambuf_iterator<char>(file), {});
  io::Request request = {.method = "PUT", .target = "/cluster/metadata/" + told.key};
  request.headers.push_back({"expected-version", std::to_string(told.expected_version)});
  const auto answer = ask({.node = told.node,
                           .tls = told.tls,
                           .request = std::move(request),
                           .body = value,
                           .secret_file = told.secret_file});
  if (!answer) return answer.error();
  std::printf("%s is version %llu now\n", told.key.c_str(),
              static_cast<unsigned long long>(told.expected_version + 1));
  return 0;
}

void add_metadata(CLI::App* cluster, const ToldHere& told, const Chosen& chosen) {
  CLI::App* const metadata =
      cluster->add_subcommand("metadata", "Objects that the whole cluster agrees on.");
  metadata->require_subcommand(1);
  CLI::App* const reads =
      cluster_verb(metadata, "get", "Tells an object's version, and writes it down.", told);
  reads->add_option("key", told->key, "Such as \"schema\".")->required();
  reads->add_option("--out", told->file, "File for the object's bytes.")->type_name("FILE");
  reads->callback([=] { chosen([=] { return get(*told); }); });

  CLI::App* const writes =
      cluster_verb(metadata, "put", "Replaces an object, if nobody was faster.", told);
  writes->add_option("key", told->key, "Such as \"schema\".")->required();
  writes->add_option("--file", told->file, "The new bytes.")->type_name("FILE")->required();
  writes->add_option("--expected-version", told->expected_version, "As `get` told it; 0: none yet.")
      ->required();
  writes->add_option("--secret-file", told->secret_file, "The cluster's secret, if it has one.")
      ->type_name("FILE");
  writes->callback([=] { chosen([=] { return put(*told); }); });
}

}  // namespace

CLI::App* cluster_verb(CLI::App* noun, const char* name, const char* doc, const ToldHere& told) {
  CLI::App* const made = noun->add_subcommand(name, doc);
  made->add_option("--node", told->node, "Node port of any node. [127.0.0.1:5122]")
      ->type_name("HOST:PORT");
  take_tls(made, told->tls);
  made->add_flag("--json", told->json, "Prints JSON.");
  return made;
}

void add_cluster(CLI::App& app, const Chosen& chosen) {
  CLI::App* const cluster = app.add_subcommand("cluster", "Looks at a cluster, and changes it.");
  cluster->require_subcommand(1);
  const auto told = std::make_shared<ToldOfCluster>();
  add_cluster_looks(cluster, told, chosen);
  add_cluster_changes(cluster, told, chosen);
  add_metadata(cluster, told, chosen);
}

}  // namespace perdure::net
