// engine/node/plan_view.h
//
// What the cluster has agreed on, as JSON for people: where partitions are to be, and which
// loglets make up their logs.  What the nodes really do is in cluster_view.h.
//
//     GET /cluster/partitions
//     {"version": 9, "replication": "2", "partitions": [
//        {"id": 0, "leader": 1, "replicas": [1, 2], "pinned": 0, "frozen": false}]}
//
//     GET /cluster/logs
//     {"logs": [
//        {"partition": 0, "version": 5, "trim_point": 400, "loglets": [
//           {"id": 3, "base": 401, "tail": 914, "sequencer": 2, "incarnation": 1,
//            "nodeset": [1, 2, 3], "replication": "2"}]}]}
//
// A node 0 is none; a tail 0 is that of a loglet that is open.
#pragma once

#include <string>

#include "engine/base/result.h"
#include "engine/control/metadata.h"
#include "engine/io/world.h"

namespace perdure::node {

// Both park.  Errors: those of the store; corrupt.
Result<std::string> plan_text(io::World&, control::Metadata&);
Result<std::string> logs_text(io::World&, control::Metadata&);

}  // namespace perdure::node
