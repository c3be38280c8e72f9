// sim/cluster/serving.h
//
// What runs of whole servers have in common, be it one node or several: what is drawn for
// them, who else is there, and how the end is judged.
#pragma once

#include <string>
#include <vector>

#include "engine/node/options.h"
#include "sim/check/history.h"
#include "sim/check/observers.h"
#include "sim/scenario.h"
#include "sim/workload/clients.h"
#include "sim/workload/tour.h"
#include "sim/world/host.h"

namespace perdure::sim {

// Limits are drawn tiny, so that seams that are rare in life are met in every run.
node::Options draw_node_options(Experiment& experiment);

// Hosts with the handlers, scripted or of the SDK, with what they do wrong on purpose; and an
// operator, who registers them at any of these nodes, however often that takes, then says so.
// Half the time another release of the same takes over some day, whose steps have other names:
// what has begun on the first must end there.
void add_handlers(Experiment& experiment, Journals& journals, std::vector<std::string> nodes,
                  bool& registered);

// Walks through all that the server there holds in memory, from now on, at moments that are
// drawn: after any event, between any two turns.
void keep_looking_inside(Universe& universe, Host& node);

// Promptness in fair weather; then a last start, so that nothing is only in memory, and
// half the time nothing in the tables either, or in the newest snapshot; what is there then;
// and what is left over.
void judge_the_end(Experiment& experiment, const std::vector<Host*>& nodes, Duration heal,
                   const History& history, Workload& workload, Tour& tour);

}  // namespace perdure::sim
