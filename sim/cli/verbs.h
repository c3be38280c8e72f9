// sim/cli/verbs.h
//
// Where each verb is made; one function, one file.
#pragma once

#include <memory>

#include "sim/cli/verb.h"

namespace perdure::sim::cli {

std::unique_ptr<Verb> make_run(CLI::App& command);       // run.cpp
std::unique_ptr<Verb> make_replay(CLI::App& command);    // replay.cpp
std::unique_ptr<Verb> make_expand(CLI::App& command);    // expand.cpp
std::unique_ptr<Verb> make_shrink(CLI::App& command);    // shrink.cpp
std::unique_ptr<Verb> make_blame(CLI::App& command);     // blame.cpp
std::unique_ptr<Verb> make_coverage(CLI::App& command);  // coverage.cpp
std::unique_ptr<Verb> make_trace(CLI::App& command);     // trace.cpp
std::unique_ptr<Verb> make_why(CLI::App& command);       // why.cpp
std::unique_ptr<Verb> make_doctor(CLI::App& command);    // doctor.cpp
std::unique_ptr<Verb> make_worker(CLI::App& command);    // worker.cpp
std::unique_ptr<Verb> make_tell(CLI::App& command);      // worker.cpp
std::unique_ptr<Verb> make_exam(CLI::App& command);      // exam.cpp

}  // namespace perdure::sim::cli
