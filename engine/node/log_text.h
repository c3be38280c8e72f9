// engine/node/log_text.h
//
// Chains and records as JSON, for operators: the same from a running server (log_verbs.h)
// and from the directory of a stopped one (log_directory.h).
//
//     chain    {"id": 3, "version": 12, "trim_point": 400, "sealed_tail": 0, "loglets": [
//                 {"id": 12884901889, "base": 401, "tail": 914, "nodeset": [1, 2, 3],
//                  "replication": "{node: 2}", "sequencer": "N1:4"}]}
//     record   {"lsn": 17, "at": "2026-11-27T12:00:00.000Z", "producer": "leader 3:17",
//               "bytes": 214, "commands": [{"command": "End", "ids": ["inv_1..."],
//                                           "text": "{id: inv_1...}"}]}
//
// A tail of 0: the loglet is open.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/log/chain.h"
#include "engine/log/chains.h"

namespace perdure::node {

// A JSON object that is being written; it ends with the value.
class JsonObject {
 public:
  explicit JsonObject(std::string& out) : out_(out) { out_ += '{'; }
  ~JsonObject() { out_ += '}'; }
  JsonObject(const JsonObject&) = delete;
  JsonObject& operator=(const JsonObject&) = delete;

  void number(std::string_view name, std::uint64_t value);
  void text(std::string_view name, std::string_view value);
  void truth(std::string_view name, bool value);
  // What is appended next is its value.
  std::string& member(std::string_view name);

 private:
  std::string& out_;
};

// What the list needs before its next element, if anything.
void append_comma(std::string& out);

// Members of the loglet at that place of the chain.
void put_loglet(JsonObject& object, const log::Chain& chain, std::size_t place);
void append_chain(std::string& out, PartitionId partition, const log::VersionedChain& chain);

// Members of a record.  Bytes that are no record are said so in `error`.
void put_record(JsonObject& object, std::string_view bytes);

}  // namespace perdure::node
