#include "sim/exam/workshop.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "sim/exam/shell.h"

namespace perdure::sim::exam {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view target = "perdure-sim";

std::string read_text(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(in)), {});
}

// Only if it differs, so that what hangs on it is not built anew.
void write_text(const fs::path& path, const std::string& text) {
  if (fs::exists(path) && read_text(path) == text) return;
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string for_ninja(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '$') escaped += '$';
    escaped += c;
  }
  return escaped;
}
std::string path_for_ninja(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '$' || c == ' ' || c == ':') escaped += '$';
    escaped += c;
  }
  return escaped;
}

std::string first_error(const std::string& words) {
  std::istringstream lines(words);
  std::string line;
  while (std::getline(lines, line)) {
    if (line.find("error") != line.npos || line.find("undefined") != line.npos) return line;
  }
  return "no reason was given";
}

bool is_object(const std::string& path) { return path.ends_with(".o"); }

}  // namespace

// --- what there is ---

Result<void> Workshop::prepare() {
  const std::string ninja =
      fmt::format("ninja -C {} -j{} ", shell_word(site_.build.string()), site_.jobs);
  const Ran up_to_date = run_command(ninja + "-n " + std::string(target));
  if (!up_to_date.ok() || up_to_date.output.find("no work to do") == std::string::npos) {
    say_("bringing the normal build up to date");
    const Ran built = run_command(ninja + std::string(target));
    if (!built.ok())
      return fail(Code::failed, "the tree does not build: " + first_error(built.output));
  }
  plain_program_ = site_.build / target;
  TRY_VOID(learn_objects());
  TRY_VOID(learn_includes());
  return learn_link();
}

Result<void> Workshop::learn_objects() {
  const Ran commands = run_command(
      fmt::format("ninja -C {} -t commands {}", shell_word(site_.build.string()), target));
  if (!commands.ok()) return fail(Code::failed, commands.output);
  std::istringstream lines(commands.output);
  for (std::string line; std::getline(lines, line);) {
    std::vector<std::string> words = words_of(line);
    const auto output = std::ranges::find(words, "-o");
    const auto input = std::ranges::find(words, "-c");
    if (output == words.end() || std::next(output) == words.end()) continue;
    if (input != words.end() && std::next(input) != words.end() && is_object(*std::next(output))) {
      Unit unit = {.source = *std::next(input), .object = *std::next(output), .command = line};
      if (fs::path(unit.source).is_relative()) unit.source = (site_.build / unit.source).string();
      units_.push_back(std::move(unit));
    } else if (*std::next(output) == target) {
      link_command_ = line;
    }
  }
  if (units_.empty() || link_command_.empty()) {
    return fail(Code::failed, "cannot tell how the simulator is built in " + site_.build.string());
  }
  return {};
}

Result<void> Workshop::learn_includes() {
  const Ran deps =
      run_command(fmt::format("ninja -C {} -t deps", shell_word(site_.build.string())));
  if (!deps.ok()) return fail(Code::failed, deps.output);
  std::map<std::string, std::size_t> unit_of;
  for (std::size_t i = 0; i < units_.size(); ++i) unit_of[units_[i].object] = i;
  std::istringstream lines(deps.output);
  std::optional<std::size_t> unit;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) continue;
    if (line[0] != ' ') {
      const auto found = unit_of.find(line.substr(0, line.find(": #deps")));
      unit = found == unit_of.end() ? std::nullopt : std::optional(found->second);
    } else if (unit) {
      fs::path path = line.substr(line.find_first_not_of(' '));
      if (path.is_relative()) path = site_.build / path;
      path = path.lexically_normal();
      const fs::path inside = path.lexically_relative(site_.source);
      if (!inside.empty() && *inside.begin() != "..") {
        included_by_[inside.string()].push_back(*unit);
      }
    }
  }
  for (std::size_t i = 0; i < units_.size(); ++i) {
    const fs::path inside = fs::path(units_[i].source).lexically_relative(site_.source);
    auto& units = included_by_[inside.string()];
    if (std::ranges::find(units, i) == units.end()) units.push_back(i);
  }
  return {};
}

// The link line with our objects in front: what they define is not taken from archives.
Result<void> Workshop::learn_link() {
  std::vector<std::string> words = words_of(link_command_);
  if (words.size() >= 2 && words[0] == ":" && words[1] == "&&")
    words.erase(words.begin(), words.begin() + 2);
  if (words.size() >= 2 && words.back() == ":") words.resize(words.size() - 2);
  const auto output = std::ranges::find(words, "-o");
  if (output == words.end()) return fail(Code::failed, "cannot read the link line");
  *std::next(output) = "%OUT%";
  const auto first = std::ranges::find_if(words, is_object);
  words.insert(first, "%OBJECTS%");
  link_command_ = joined(words);
  return {};
}

std::vector<const Workshop::Unit*> Workshop::affected(const std::vector<std::string>& files) const {
  std::set<std::size_t> units;
  for (const std::string& file : files) {
    const auto found = included_by_.find(file);
    if (found != included_by_.end()) units.insert(found->second.begin(), found->second.end());
  }
  std::vector<const Unit*> result;
  for (const std::size_t unit : units) result.push_back(&units_[unit]);
  return result;
}

std::string Workshop::text_of(const std::string& file) const {
  return read_text(site_.source / file);
}

// --- making ---

Workshop::Product Workshop::compile(const Unit& unit, const fs::path& folder, bool only_check,
                                    const std::string& suffix) const {
  const fs::path inside = fs::path(unit.source).lexically_relative(site_.source);
  const fs::path changed = folder / inside;
  const std::string output = (folder / "objects" / (inside.string() + suffix + ".o")).string();
  std::vector<std::string> words = words_of(unit.command);
  // What stands before the first option is launcher and compiler.
  const auto first_option =
      std::ranges::find_if(words, [](const std::string& word) { return word.starts_with('-'); });
  std::vector<std::string> command(words.begin(), first_option);
  command.insert(command.end(), {"-iquote", shell_word(folder.string())});
  for (auto word = first_option; word != words.end(); ++word) {
    if (*word == "-o" || *word == "-c" || *word == "-MF" || *word == "-MT") {
      ++word;
    } else if (*word != "-MD" && *word != "-Werror") {
      command.push_back(*word);
    }
  }
  command.insert(command.end(), {"-w", "-O1", "-g0", "-include",
                                 shell_word((site_.work / "runtime" / "planted.h").string()), "-MD",
                                 "-MF", shell_word(output + ".d"), "-MT", shell_word(output)});
  const std::string input = fs::exists(changed) ? changed.string() : unit.source;
  if (only_check) {
    command.insert(command.end(),
                   {"-fsyntax-only", shell_word(input), "&&", "touch", shell_word(output)});
  } else {
    command.insert(command.end(), {"-o", shell_word(output), "-c", shell_word(input)});
  }
  return {.output = output, .needs = {input}, .command = joined(command)};
}

Workshop::Product Workshop::link(const fs::path& folder,
                                 const std::vector<Product>& objects) const {
  Product program = {.output = (folder / target).string()};
  std::string command = link_command_;
  std::string ours;
  for (const Product& object : objects) {
    program.needs.push_back(object.output);
    ours += shell_word(object.output) + " ";
    // An object that is named in the link line gives way to ours.
    const std::string inside =
        fs::path(object.output).lexically_relative(folder / "objects").string();
    for (const Unit& unit : units_) {
      const std::string source = fs::path(unit.source).lexically_relative(site_.source).string();
      if (source + ".o" != inside) continue;
      if (const std::size_t at = command.find(" " + unit.object); at != command.npos) {
        command.erase(at, unit.object.size() + 1);
      }
    }
  }
  command.replace(command.find("%OBJECTS%"), 9, ours);
  command.replace(command.find("%OUT%"), 5, shell_word(program.output) + " -Wl,-s");
  program.command = fmt::format("cd {} && {}", shell_word(site_.build.string()), command);
  return program;
}

Workshop::Outcome Workshop::make(const std::vector<Product>& products) const {
  std::string text =
      "builddir = .ninja\nrule make\n  command = $cmd\n  description = $out\n"
      "rule compile\n  command = $cmd\n  description = $out\n  depfile = $out.d\n  deps = gcc\n";
  std::set<std::string> made;
  for (const Product& product : products) {
    if (!made.insert(product.output).second) continue;
    const bool compiled = is_object(product.output);
    text +=
        fmt::format("build {}: {}", path_for_ninja(product.output), compiled ? "compile" : "make");
    for (const std::string& need : product.needs) text += " " + path_for_ninja(need);
    text += "\n  cmd = " + for_ninja(product.command) + "\n";
  }
  write_text(site_.work / "build.ninja", text);
  const Ran ran = run_command(
      fmt::format("ninja -C {} -k 0 -j{}", shell_word(site_.work.string()), site_.jobs));
  Outcome outcome;
  std::istringstream lines(ran.output);
  std::string* words = nullptr;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("FAILED: ")) {
      std::string output = line.substr(8);
      output.erase(output.find_last_not_of(' ') + 1);
      words = &outcome.failed[output];
    } else if (line.starts_with("[") || line.starts_with("ninja: ")) {
      words = nullptr;
    } else if (words != nullptr) {
      *words += line + "\n";
    }
  }
  for (auto& [output, said] : outcome.failed) said = first_error(said);
  for (const Product& product : products) {
    if (!ran.ok() && !fs::exists(product.output)) {
      outcome.failed.emplace(product.output, "was not made");
    }
  }
  return outcome;
}

void Workshop::write_runtime() const {
  write_text(site_.work / "runtime" / "planted.h", R"(#pragma once
#include <cstdint>
#include <type_traits>
namespace planted {
struct Counters { std::uint64_t reached, mattered; };
Counters& counters();
std::uint32_t active();  // number of the one plant that is switched on; 0: none
inline bool on(std::uint32_t plant) {
  if (plant != active()) return false;
  ++counters().reached;
  return true;
}
template <class Old, class New>
void note(const Old& old_side, const New& new_side) {
  if constexpr (requires { static_cast<bool>(old_side == new_side); }) {
    if (!(old_side == new_side)) ++counters().mattered;
  }
}
}  // namespace planted
)");
  write_text(site_.work / "runtime" / "planted.cpp", R"(#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cstdlib>
namespace planted {
Counters& counters() {
  static Counters* const shared = [] {
    static Counters own = {};
    const char* name = std::getenv("PERDURE_PLANT_COUNTERS");
    const int file = name == nullptr ? -1 : ::open(name, O_RDWR | O_CLOEXEC);
    if (file < 0) return &own;
    void* at = ::mmap(nullptr, sizeof(Counters), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    ::close(file);
    return at == MAP_FAILED ? &own : static_cast<Counters*>(at);
  }();
  return *shared;
}
std::uint32_t active() {
  static const std::uint32_t number = [] {
    const char* text = std::getenv("PERDURE_PLANT");
    return text == nullptr ? 0u : static_cast<std::uint32_t>(std::strtoul(text, nullptr, 10));
  }();
  return number;
}
}  // namespace planted
)");
}

Workshop::Product Workshop::runtime() const {
  const Unit unit = {.source = (site_.work / "runtime" / "planted.cpp").string(),
                     .object = "",
                     .command = units_.front().command};
  Product product = compile(unit, site_.work / "runtime", false, "");
  product.output = (site_.work / "runtime" / "planted.o").string();
  std::vector<std::string> words = words_of(units_.front().command);
  const auto first_option =
      std::ranges::find_if(words, [](const std::string& word) { return word.starts_with('-'); });
  words.erase(first_option, words.end());
  product.command = fmt::format(
      "{} -std=c++20 -O1 -include {} -MD -MF {}.d -MT {} -o {} -c {}", joined(words),
      shell_word((site_.work / "runtime" / "planted.h").string()), shell_word(product.output),
      shell_word(product.output), shell_word(product.output), shell_word(unit.source));
  product.needs = {unit.source};
  return product;
}

// --- the plants ---

std::map<std::string, std::vector<Graft>> Workshop::grafts_of(
    const std::vector<Plant>& plants, const std::vector<Planted>& planted,
    std::optional<std::size_t> only) const {
  std::map<std::string, std::vector<Graft>> grafts;
  for (std::size_t i = 0; i < plants.size(); ++i) {
    if (only ? *only != i : planted[i].form == Form::replacement) continue;
    for (std::size_t e = 0; e < plants[i].edits.size(); ++e) {
      const Edit& edit = plants[i].edits[e];
      if (planted[i].form != Form::replacement) {
        grafts[edit.file].push_back(grafted_[i][e]);
        continue;
      }
      const std::string text = text_of(edit.file);
      Graft graft = replacement_of(planted[i].number, edit, text);
      if (planted[i].counted && may_be_counted(edit, text)) {
        graft.new_text = counted_replacement(graft.number, graft.new_text);
      }
      grafts[edit.file].push_back(std::move(graft));
    }
  }
  return grafts;
}

void Workshop::write_texts(const fs::path& folder,
                           const std::map<std::string, std::vector<Graft>>& grafts) const {
  for (const auto& [file, in_file] : grafts) {
    write_text(folder / file, planted(text_of(file), in_file, (site_.source / file).string()));
  }
  // What is left of an earlier time would be included.
  std::vector<fs::path> stale;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string inside = entry.path().lexically_relative(folder).string();
    if (!entry.is_regular_file() || inside.starts_with("objects/") || inside == target) continue;
    if (!grafts.contains(inside)) stale.push_back(entry.path());
  }
  for (const fs::path& path : stale) fs::remove(path);
}

// A plant is grafted if each of its edits can be, and none touches another's place.
void Workshop::choose_forms(const std::vector<Plant>& plants, std::vector<Planted>& planted) {
  std::map<std::string, std::vector<Graft>> taken;  // by file
  grafted_.assign(plants.size(), {});
  for (std::size_t i = 0; i < plants.size(); ++i) {
    if (!planted[i].why_not.empty()) continue;
    Form form = Form::pure;
    for (const Edit& edit : plants[i].edits) {
      grafted_[i].push_back(graft_of(planted[i].number, plants[i].kind, edit, text_of(edit.file)));
      const Graft& graft = grafted_[i].back();
      form = std::max(form, graft.form);
      const auto meets = [&](const Graft& other) { return overlap(graft, other); };
      if (std::ranges::any_of(taken[edit.file], meets)) form = Form::replacement;
      // Pieces of one plant, each widened, may meet too.
      for (std::size_t e = 0; e + 1 < grafted_[i].size(); ++e) {
        if (plants[i].edits[e].file == edit.file && meets(grafted_[i][e])) {
          form = Form::replacement;
        }
      }
    }
    planted[i].form = form;
    planted[i].counted = true;
    if (form == Form::replacement) continue;
    for (std::size_t e = 0; e < plants[i].edits.size(); ++e) {
      taken[plants[i].edits[e].file].push_back(grafted_[i][e]);
    }
  }
}

// Grafts that do not compile become replacements.
void Workshop::weed_batch(const std::vector<Plant>& plants, std::vector<Planted>& planted) const {
  const fs::path folder = site_.work / "batch";
  for (int round = 0; round < 3; ++round) {
    const auto grafts = grafts_of(plants, planted, std::nullopt);
    fs::create_directories(folder);
    write_texts(folder, grafts);
    std::vector<std::string> files;
    for (const auto& [file, in_file] : grafts) files.push_back(file);
    std::map<std::string, const Unit*> unit_of;
    std::vector<Product> objects;
    for (const Unit* unit : affected(files)) {
      objects.push_back(compile(*unit, folder, false, ""));
      unit_of[objects.back().output] = unit;
    }
    const Outcome outcome = make(objects);
    if (outcome.failed.empty()) return;
    // Each suspect alone, against each unit that failed.
    std::vector<Product> checks;
    std::map<std::string, std::size_t> suspect_of;
    for (std::size_t i = 0; i < plants.size(); ++i) {
      if (planted[i].form == Form::replacement || !planted[i].why_not.empty()) continue;
      std::vector<std::string> own;
      for (const Edit& edit : plants[i].edits) own.push_back(edit.file);
      const auto units = affected(own);
      const fs::path alone = site_.work / "check" / plants[i].id;
      bool suspected = false;
      for (const auto& [output, said] : outcome.failed) {
        const auto unit = unit_of.find(output);
        if (unit == unit_of.end() || std::ranges::find(units, unit->second) == units.end())
          continue;
        if (!suspected) {
          fs::create_directories(alone);
          write_texts(alone, grafts_of(plants, planted, i));
          suspected = true;
        }
        checks.push_back(compile(*unit->second, alone, round < 2, ".check"));
        suspect_of[checks.back().output] = i;
      }
    }
    const Outcome checked = make(checks);
    for (const auto& [output, i] : suspect_of) {
      // When each alone compiles, all together do not: give all of them up.
      if (checked.failed.contains(output) || checked.failed.empty()) {
        planted[i].form = Form::replacement;
      }
    }
    std::error_code ignored;
    fs::remove_all(site_.work / "check", ignored);
  }
}

void Workshop::build_batch(const std::vector<Plant>& plants, std::vector<Planted>& planted) const {
  const fs::path folder = site_.work / "batch";
  std::vector<std::string> files;
  for (const auto& [file, in_file] : grafts_of(plants, planted, std::nullopt))
    files.push_back(file);
  std::vector<Product> products = {runtime()};
  for (const Unit* unit : affected(files)) products.push_back(compile(*unit, folder, false, ""));
  products.push_back(link(folder, products));
  const Outcome outcome = make(products);
  for (Planted& each : planted) {
    if (each.form == Form::replacement || !each.why_not.empty()) continue;
    if (outcome.failed.empty()) {
      each.program = folder / target;
    } else {
      each.why_not = "the batch does not build: " + outcome.failed.begin()->second;
    }
  }
}

void Workshop::build_alone(const std::vector<Plant>& plants, std::vector<Planted>& planted) const {
  // First with a count of how often it is met; where that does not compile, without.
  for (const bool counted : {true, false}) {
    std::vector<Product> products = {runtime()};
    std::map<std::string, std::size_t> plant_of;
    for (std::size_t i = 0; i < plants.size(); ++i) {
      Planted& each = planted[i];
      if (each.form != Form::replacement || !each.program.empty()) continue;
      if (!each.why_not.empty() && counted) continue;
      if (!counted && each.why_not.starts_with("is not")) continue;
      std::vector<std::string> files;
      bool countable = false;
      for (const Edit& edit : plants[i].edits) {
        files.push_back(edit.file);
        countable |= may_be_counted(edit, text_of(edit.file));
      }
      each.counted = counted && countable;
      each.why_not.clear();
      const fs::path folder = site_.work / "plants" / plants[i].id;
      fs::create_directories(folder);
      write_texts(folder, grafts_of(plants, planted, i));
      std::vector<Product> objects = {products.front()};
      for (const Unit* unit : affected(files)) {
        objects.push_back(compile(*unit, folder, false, ""));
        plant_of[objects.back().output] = i;
      }
      const Product program = link(folder, objects);
      plant_of[program.output] = i;
      products.insert(products.end(), objects.begin() + 1, objects.end());
      products.push_back(program);
      each.program = folder / target;
    }
    if (products.size() == 1) continue;
    const Outcome outcome = make(products);
    for (const auto& [output, said] : outcome.failed) {
      const auto found = plant_of.find(output);
      if (found == plant_of.end()) continue;
      Planted& each = planted[found->second];
      each.program.clear();
      if (said != "was not made" || each.why_not.empty())
        each.why_not = "does not compile: " + said;
    }
  }
}

std::vector<Planted> Workshop::build(const std::vector<Plant>& plants) {
  write_runtime();
  std::vector<Planted> planted(plants.size());
  for (std::size_t i = 0; i < plants.size(); ++i) {
    planted[i].number = static_cast<std::uint32_t>(i + 1);
    for (const Edit& edit : plants[i].edits) {
      if (affected({edit.file}).empty()) {
        planted[i].why_not = fmt::format("is not part of the simulator: {}", edit.file);
      }
    }
  }
  choose_forms(plants, planted);
  const auto is_grafted = [](const Planted& each) {
    return each.form != Form::replacement && each.why_not.empty();
  };
  say_(fmt::format("planting {} of {} into one program", std::ranges::count_if(planted, is_grafted),
                   plants.size()));
  weed_batch(plants, planted);
  if (std::ranges::any_of(planted, is_grafted)) build_batch(plants, planted);
  const auto alone = std::ranges::count_if(planted, [](const Planted& each) {
    return each.form == Form::replacement && each.why_not.empty();
  });
  if (alone > 0) say_(fmt::format("planting {} into programs of their own", alone));
  build_alone(plants, planted);
  return planted;
}

void Workshop::forget(const Planted& planted) const {
  if (planted.form != Form::replacement || planted.program.empty()) return;
  std::error_code ignored;
  fs::remove_all(planted.program.parent_path(), ignored);
}

}  // namespace perdure::sim::exam
