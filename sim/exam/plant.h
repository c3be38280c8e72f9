// sim/exam/plant.h
//
// A plant: a bug put in on purpose, or (class CONTROL) a harmless change.  One file of
// protobuf text each:
//
//     id: "L12"  class: EASY  expect: "LOG-5"  kind: EXPR
//     story: "The first offset of a loglet maps one Lsn too far."
//     edit { file: "engine/log/chain.cpp"  old: "base + 1"  new: "base + 2" }
//
// Fields other than these (and `scenario`) are refused, so that a misspelt one cannot
// go unseen.  `old` must stand exactly once in its file: where it stands, the plant fits.
//
// Read next: graft.h, how it gets into the code.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"

namespace perdure::sim::exam {

enum class Class { easy, medium, hard, control };
std::string_view name_of(Class);
// Seeds within which it is expected (a control: over which it must not be reported).
std::uint64_t seeds_of(Class);

// What the text replaces: one pure expression, one statement that declares nothing, or
// anything.  A hint only: what cannot be planted as EXPR or STMT is planted as PATCH.
enum class PlantKind { expression, statement, patch };
std::string_view name_of(PlantKind);

struct Edit {
  std::string file;  // from the root of the tree
  std::string old_text, new_text;
};

struct Plant {
  std::string id;
  Class expected_within = Class::medium;
  std::string expect;  // the checker: its name, or ids such as "LOG-4/2"
  std::string story;
  PlantKind kind = PlantKind::patch;
  std::vector<std::string> scenarios;  // none: those that reach it
  std::vector<Edit> edits;             // at least one
};

// `invalid` with the line and what is wrong there.
Result<Plant> parse_plant(std::string_view text);

struct Plants {
  std::vector<Plant> plants;         // by file name
  std::vector<std::string> refused;  // "file: why", for each that is not a plant
};
// Every *.txtpb of a folder, or the one file.  `invalid` if there is nothing there.
Result<Plants> load_plants(const std::filesystem::path& where);

// Why it cannot be planted into this tree; or nothing.
std::optional<std::string> misfit(const Plant& plant, const std::filesystem::path& root);

}  // namespace perdure::sim::exam
