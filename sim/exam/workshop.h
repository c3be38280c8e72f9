// sim/exam/workshop.h
//
// Builds the simulator with plants in it, without touching the tree or its build:
//
//     <work>/batch/engine/log/chain.cpp    the text with every graft of that file
//     <work>/batch/perdure-sim             all grafted plants, each switched on by number
//     <work>/plants/P09/...                one plant alone, where a graft would not do
//
// Only the texts that are changed, and what includes them, are compiled; all else is
// linked from the objects of the normal build.  A plant that does not compile as a graft
// is built alone; one that does not compile alone is reported so, and the others go on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/exam/graft.h"
#include "sim/exam/plant.h"

namespace perdure::sim::exam {

struct Site {
  std::filesystem::path source;  // the tree
  std::filesystem::path build;   // where its normal build is (Ninja)
  std::filesystem::path work;    // ours
  std::uint32_t jobs = 1;
};

// Finds tree and build: named ones, else those of this very program, else those around
// the current folder; without a build, one is made in `work`.
Result<Site> find_site(const std::optional<std::filesystem::path>& source,
                       const std::optional<std::filesystem::path>& build,
                       const std::optional<std::filesystem::path>& work, std::uint32_t jobs);

struct Planted {
  std::filesystem::path program;  // empty: see `why_not`
  std::uint32_t number = 0;       // what switches it on; 0 in every program: no plant
  Form form = Form::replacement;
  bool counted = false;  // whether `reached` means anything
  std::string why_not;   // "does not compile: ...", "is not part of the simulator"
};

class Workshop {
 public:
  using Say = std::function<void(const std::string&)>;
  Workshop(Site site, Say say) : site_(std::move(site)), say_(std::move(say)) {}

  // The normal build, brought up to date; what is linked and what includes what.
  Result<void> prepare();
  // For each plant that fits, in the order given; the first program is the batch.
  std::vector<Planted> build(const std::vector<Plant>& plants);
  const std::filesystem::path& plain_program() const { return plain_program_; }
  void forget(const Planted& planted) const;  // removes what only that plant needed

 private:
  struct Unit {  // one object of the simulator
    std::string source, object, command;
  };
  struct Product {
    std::string output;              // file below work
    std::vector<std::string> needs;  // objects, for a program
    std::string command;
  };
  struct Outcome {
    std::map<std::string, std::string> failed;  // output -> first error
  };

  Result<void> learn_objects();
  Result<void> learn_includes();
  Result<void> learn_link();
  Outcome make(const std::vector<Product>& products) const;
  std::vector<const Unit*> affected(const std::vector<std::string>& files) const;
  Product compile(const Unit& unit, const std::filesystem::path& folder, bool only_check,
                  const std::string& suffix) const;
  Product link(const std::filesystem::path& folder, const std::vector<Product>& objects) const;
  std::string text_of(const std::string& file) const;
  void write_texts(const std::filesystem::path& folder,
                   const std::map<std::string, std::vector<Graft>>& grafts) const;
  void write_runtime() const;
  Product runtime() const;
  std::map<std::string, std::vector<Graft>> grafts_of(const std::vector<Plant>& plants,
                                                      const std::vector<Planted>& planted,
                                                      std::optional<std::size_t> only) const;
  void choose_forms(const std::vector<Plant>& plants, std::vector<Planted>& planted);
  void weed_batch(const std::vector<Plant>& plants, std::vector<Planted>& planted) const;
  void build_batch(const std::vector<Plant>& plants, std::vector<Planted>& planted) const;
  void build_alone(const std::vector<Plant>& plants, std::vector<Planted>& planted) const;

  const Site site_;
  const Say say_;
  std::filesystem::path plain_program_;
  std::vector<Unit> units_;
  std::map<std::string, std::vector<std::size_t>> included_by_;  // file -> units
  std::string link_command_;                                     // with %OUT% and %OBJECTS%
  std::vector<std::vector<Graft>> grafted_;                      // of each plant, of each edit
};

}  // namespace perdure::sim::exam
