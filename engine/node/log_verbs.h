// engine/node/log_verbs.h
//
// What an operator does with the logs of a running cluster, over the node port of any server
// (operations.h); answers are JSON (log_text.h).
//
//     GET  /log                        the chain of every partition
//     GET  /log/7                      of one
//     GET  /log/7/tail                 where it ends, and who says so: the chain, the writer,
//                                      or enough of the copies
//     GET  /log/7/records?from=&most=  committed records; of the node that writes it
//     POST /log/7/seal                 ends the open loglet.  Its writer drains first when it
//                                      is this node; whoever leads then opens another
//     POST /log/7/reconfigure          the same, and answers when another is open
//     POST /log/7/trim?to=             lets records go that the newest snapshot contains
//
// Shard 0 asks the shard of this node that has the partition's stream.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/result.h"
#include "engine/node/shard.h"

namespace perdure::node {

void serve_log_verbs(Shard::Rooms&);  // to shard 0
// Parks.  Errors: not_found (no such path, or no such log yet), invalid, retry_elsewhere
// (another node writes it), timed_out, retry_later, and those of the log.
Result<std::string> answer_log_verb(Shard::Rooms&, std::string_view method,
                                    std::string_view target);

}  // namespace perdure::node
