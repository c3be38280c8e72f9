// net/verbs/cluster.h
//
// The parts of the noun `cluster`: looks that change nothing, and changes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "net/tls/credentials.h"
#include "net/verbs/verbs.h"

namespace CLI {
class App;
}

namespace perdure::net {

// What the verbs of the noun are told; each takes what it needs.
struct ToldOfCluster {
  std::string node = "127.0.0.1:5122";  // node port of any node
  TlsFiles tls;
  bool json = false;
  bool watch = false;
  double every = 2;  // seconds between two looks
  std::string key, file, secret_file;
  std::uint64_t expected_version = 0;
  std::string which;  // a node: "2", "N2" or its name
  bool lost = false;
  std::string replication, leader, pin;
  std::uint64_t partition = 0;
  bool unpin = false, freeze = false, unfreeze = false;
};
using ToldHere = std::shared_ptr<ToldOfCluster>;

// A verb with what all of them take.
CLI::App* cluster_verb(CLI::App* noun, const char* name, const char* doc, const ToldHere& told);

// What /cluster/partitions says.  Returns the exit code.
int show_plan(const ToldOfCluster& told, const std::string& json);

void add_cluster_looks(CLI::App* cluster, const ToldHere& told, const Chosen& chosen);
void add_cluster_changes(CLI::App* cluster, const ToldHere& told, const Chosen& chosen);

}  // namespace perdure::net
