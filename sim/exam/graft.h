// sim/exam/graft.h
//
// How a plant gets into a text so that one binary holds many, each switched on by
// number:
//
//     pure        (on(7) ? (note((old), (new)), (new)) : (old))
//                 both sides are evaluated, so that *mattered* can be counted
//     lazy        (on(7) ? (new) : (old))        old or new has effects
//     branch      if (on(7)) { new } else { old }
//     replacement new                             a binary of its own
//
// A graft must not change what the text means while it is off, and must mean what the
// plain replacement means while it is on.  Parentheses around `b - 1` in `a - b - 1` do
// neither, and a declaration in braces is gone at their end; so neighbours and contents
// are looked at, and where there is doubt the answer is `replacement`, which is always
// right.  What slips through does not compile, and then the workshop decides the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/exam/plant.h"

namespace perdure::sim::exam {

enum class Form { pure, lazy, branch, replacement };
std::string_view name_of(Form);

struct Graft {
  std::uint32_t number = 0;  // of the plant, from 1
  Form form = Form::replacement;
  std::size_t at = 0;  // where the old text begins
  std::string old_text, new_text;
  std::size_t end() const { return at + old_text.size(); }
};

// How this edit may stand in this text, in which its old text stands once.  What differs
// is found, and as much around it is taken along as makes an expression or a statement
// of it: `if (a < b) {` with another sign is a graft of `a < b`.
Graft graft_of(std::uint32_t number, PlantKind kind, const Edit& edit, std::string_view text);
// The same for an edit that gets a binary of its own.
Graft replacement_of(std::uint32_t number, const Edit& edit, std::string_view text);

// All of them in the text, which begins with a #line so that __FILE__ and messages name
// the original.  Their places must not overlap.
std::string planted(std::string_view text, std::vector<Graft> grafts,
                    std::string_view original_path);
bool overlap(const Graft& one, const Graft& other);

// A replacement, with a count of how often it is met where a statement may stand.
std::string counted_replacement(std::uint32_t number, std::string_view new_text);
bool may_be_counted(const Edit& edit, std::string_view text);

}  // namespace perdure::sim::exam
