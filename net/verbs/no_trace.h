// net/verbs/no_trace.h
//
// A Trace for programs that serve nobody: what they have to say is their output.
#pragma once

#include "engine/io/trace.h"

namespace perdure::net {

class NoTrace final : public io::Trace {
 public:
  bool wants(io::Level) const override { return false; }
  void event(io::Level, std::string_view, std::initializer_list<io::Field>) override {}
  void count(std::string_view, std::uint64_t) override {}
};

}  // namespace perdure::net
