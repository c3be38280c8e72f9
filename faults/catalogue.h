// faults/catalogue.h
//
// Every kind of fault there is, with what it means to a user and how often it comes.
// The swarm draws from here and a scenario forbids by these names.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "faults/kind.h"

namespace perdure::faults {

struct Entry {
  Kind kind;
  std::string_view name;   // in scenarios and reports
  std::string_view story;  // one sentence
  bool timed;              // a misfortune; else weather
  double per_minute;       // misfortunes of this kind, rough profile, one host or link
  bool loses_data;         // for good: only within a budget
};

std::span<const Entry> catalogue();  // in the order of Kind
const Entry& entry(Kind kind);
const Entry* find(std::string_view name);

}  // namespace perdure::faults
