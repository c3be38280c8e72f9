// perdure cluster provision | drain | activate | remove | reconfigure
#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "engine/wire/json.h"
#include "net/verbs/cluster.h"
#include "net/verbs/talk.h"

namespace perdure::net {
namespace {

using Json = nlohmann::json;

std::expected<Answer, int> post(const ToldOfCluster& told, std::string path,
                                std::string body = {}) {
  return ask({.node = told.node,
              .tls = told.tls,
              .request = {.method = "POST", .target = std::move(path)},
              .body = std::move(body),
              .secret_file = told.secret_file});
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

// The number of a node, of "2", "N2" or its name; the error is an exit code.
std::expected<std::string, int> number_of(const ToldOfCluster& told, const std::string& which) {
  if (is_number(which)) return which;
  if (which.starts_with('N') && is_number(std::string_view(which).substr(1)))
    return which.substr(1);
  const auto answer = ask({.node = told.node,
                           .tls = told.tls,
                           .request = {.method = "GET", .target = "/cluster/status"}});
  if (!answer) return std::unexpected(answer.error());
  const Result<Json> status = wire::json_from_text<Json>(answer->body);
  if (status && status->contains("nodes")) {
    for (const Json& node : status->at("nodes")) {
      if (text_of(node, "name") == which) return text_of(node, "id");
    }
  }
  return std::unexpected(complain("the cluster has no node '" + which + "'", refused));
}

int provision(const ToldOfCluster& told) {
  const auto answer = post(told, "/cluster/provision");
  if (!answer) return answer.error();
  std::puts(told.json ? "{}" : "it makes its cluster now");
  return 0;
}

int change_node(const ToldOfCluster& told, const std::string& state) {
  const auto number = number_of(told, told.which);
  if (!number) return number.error();
  const auto answer = post(told, "/cluster/nodes/" + *number + "/" + state);
  if (!answer) return answer.error();
  if (told.json) {
    std::fputs(answer->body.c_str(), stdout);
    return 0;
  }
  const Result<Json> now = wire::json_from_text<Json>(answer->body);
  std::printf("N%s is %s now\n", number->c_str(), now ? text_of(*now, "state").c_str() : "changed");
  return 0;
}

struct Step {
  std::string path, body;
};

// What was asked for, one after the other; a node that is named is looked up first.
std::expected<std::vector<Step>, int> steps_of(const ToldOfCluster& told, bool of_partition) {
  std::vector<Step> steps;
  if (!told.replication.empty()) steps.push_back({"/cluster/replication", told.replication});
  if (!of_partition) return steps;
  const std::string partition = "/cluster/partitions/" + std::to_string(told.partition) + "/";
  if (told.unpin) steps.push_back({partition + "unpin", {}});
  for (const auto& [word, which] : {std::pair("pin", told.pin), std::pair("leader", told.leader)}) {
    if (which.empty()) continue;
    const auto number = number_of(told, which);
    if (!number) return std::unexpected(number.error());
    steps.push_back({partition + word + "/" + *number, {}});
  }
  if (told.freeze) steps.push_back({partition + "freeze", {}});
  if (told.unfreeze) steps.push_back({partition + "unfreeze", {}});
  return steps;
}

int reconfigure(const ToldOfCluster& told, bool of_partition) {
  const auto steps = steps_of(told, of_partition);
  if (!steps) return steps.error();
  if (steps->empty()) {
    return complain("reconfigure what? --replication, or --partition with what is to become of it",
                    64);
  }
  std::string plan;
  for (const Step& step : *steps) {
    const auto answer = post(told, step.path, step.body);
    if (!answer) return answer.error();
    plan = answer->body;
  }
  return show_plan(told, plan);
}

CLI::App* change(CLI::App* cluster, const char* name, const char* doc, const ToldHere& told) {
  CLI::App* const made = cluster_verb(cluster, name, doc, told);
  made->add_option("--secret-file", told->secret_file, "The cluster's secret, if it has one.")
      ->type_name("FILE");
  return made;
}

void add_node_changes(CLI::App* cluster, const ToldHere& told, const Chosen& chosen) {
  struct Verb {
    const char *name, *doc, *state;
  };
  for (const Verb& each :
       {Verb{"drain", "Moves everything off a node, which stays until it is removed.", "draining"},
        Verb{"activate", "Takes a drain back.", "active"},
        Verb{"remove", "A node that is drained, or whose disk is lost, is gone for good.",
             "gone"}}) {
    CLI::App* const made = change(cluster, each.name, each.doc, told);
    made->add_option("which", told->which, "The node: its number, or its name.")->required();
    const bool removes = std::string_view(each.name) == "remove";
    if (removes) made->add_flag("--lost", told->lost, "Its disk is lost: gone, drained or not.");
    made->callback([=, state = std::string(each.state)] {
      chosen([=] { return change_node(*told, removes && told->lost ? "lost" : state); });
    });
  }
}

void add_reconfigure(CLI::App* cluster, const ToldHere& told, const Chosen& chosen) {
  CLI::App* const made =
      change(cluster, "reconfigure",
             "Changes the replication, or what is to become of a partition.", told);
  made->add_option("--replication", told->replication, "As of serve: 2, or {node: 3, zone: 2}.")
      ->type_name("COPIES");
  CLI::Option* const partition =
      made->add_option("--partition", told->partition, "The partition that the rest is about.")
          ->type_name("NUMBER");
  made->add_option("--leader", told->leader, "Leads it from now on, and the plan may change that.")
      ->type_name("NODE")
      ->needs(partition);
  CLI::Option* const pin =
      made->add_option("--pin", told->pin, "Leads it whenever it can.")->type_name("NODE");
  pin->needs(partition);
  made->add_flag("--unpin", told->unpin, "Whoever the plan likes leads it.")
      ->needs(partition)
      ->excludes(pin);
  CLI::Option* const freeze =
      made->add_flag("--freeze", told->freeze, "Nothing of it changes, even if its leader dies.");
  freeze->needs(partition);
  made->add_flag("--unfreeze", told->unfreeze, "The plan may change it again.")
      ->needs(partition)
      ->excludes(freeze);
  made->callback([=] { chosen([=] { return reconfigure(*told, partition->count() > 0); }); });
}

}  // namespace

void add_cluster_changes(CLI::App* cluster, const ToldHere& told, const Chosen& chosen) {
  CLI::App* const makes =
      change(cluster, "provision", "A node that waits for it makes its cluster.", told);
  makes->callback([=] { chosen([=] { return provision(*told); }); });
  add_node_changes(cluster, told, chosen);
  add_reconfigure(cluster, told, chosen);
}

}  // namespace perdure::net
