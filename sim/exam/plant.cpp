#include "sim/exam/plant.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>

#include "sim/exam/text_message.h"

namespace perdure::sim::exam {

namespace {

std::unexpected<Error> wrong(const TextField& field, std::string_view what) {
  return fail(Code::invalid, fmt::format("line {}: {}: {}", field.line, field.name, what));
}

Result<std::string> text_of(const TextField& field) {
  if (const auto* text = std::get_if<std::string>(&field.value)) return *text;
  return wrong(field, "a text is wanted, not a message");
}

Result<Class> class_of(const TextField& field) {
  TRY(word, text_of(field));
  if (word == "E" || word == "EASY") return Class::easy;
  if (word == "M" || word == "MEDIUM") return Class::medium;
  if (word == "H" || word == "HARD") return Class::hard;
  if (word == "C" || word == "CONTROL") return Class::control;
  return wrong(field, "one of EASY, MEDIUM, HARD, CONTROL, not " + word);
}

Result<PlantKind> kind_of(const TextField& field) {
  TRY(word, text_of(field));
  if (word == "EXPR") return PlantKind::expression;
  if (word == "STMT") return PlantKind::statement;
  if (word == "PATCH") return PlantKind::patch;
  return wrong(field, "one of EXPR, STMT, PATCH, not " + word);
}

Result<Edit> edit_of(const TextField& field) {
  const auto* message = std::get_if<TextMessage>(&field.value);
  if (message == nullptr) return wrong(field, "a message is wanted: edit { file old new }");
  Edit edit;
  std::set<std::string> seen;
  for (const TextField& part : *message) {
    if (!seen.insert(part.name).second) return wrong(part, "it stands twice in one edit");
    TRY(text, text_of(part));
    if (part.name == "file") {
      edit.file = text;
    } else if (part.name == "old") {
      edit.old_text = text;
    } else if (part.name == "new") {
      edit.new_text = text;
    } else {
      return wrong(part, "no such field; an edit has file, old, new");
    }
  }
  for (const char* name : {"file", "old", "new"}) {
    if (!seen.contains(name)) return wrong(field, fmt::format("'{}' is missing", name));
  }
  const std::filesystem::path path(edit.file);
  if (path.is_absolute() || edit.file.find("..") != edit.file.npos) {
    return wrong(field, "the file is named from the root of the tree");
  }
  if (edit.old_text.empty()) return wrong(field, "'old' is empty");
  return edit;
}

Result<void> set_field(Plant& plant, const TextField& field) {
  if (field.name == "edit") {
    TRY(edit, edit_of(field));
    plant.edits.push_back(std::move(edit));
    return {};
  }
  if (field.name == "class") {
    TRY(value, class_of(field));
    plant.expected_within = value;
    return {};
  }
  if (field.name == "kind") {
    TRY(value, kind_of(field));
    plant.kind = value;
    return {};
  }
  TRY(text, text_of(field));
  if (field.name == "id") {
    plant.id = text;
  } else if (field.name == "expect") {
    plant.expect = text;
  } else if (field.name == "story") {
    plant.story = text;
  } else if (field.name == "scenario") {
    plant.scenarios.push_back(text);
  } else {
    return wrong(field,
                 "no such field; a plant has id, class, expect, story, kind, scenario, edit");
  }
  return {};
}

Result<std::string> read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(Code::invalid, "cannot read " + path.string());
  return std::string((std::istreambuf_iterator<char>(in)), {});
}

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

}  // namespace

std::string_view name_of(Class value) {
  switch (value) {
    case Class::easy: return "EASY";
    case Class::medium: return "MEDIUM";
    case Class::hard: return "HARD";
    case Class::control: return "CONTROL";
  }
  return "?";
}

std::uint64_t seeds_of(Class value) {
  switch (value) {
    case Class::easy: return 50;
    case Class::medium: return 500;
    case Class::hard: return 5000;
    case Class::control: return 2000;
  }
  return 0;
}

std::string_view name_of(PlantKind kind) {
  switch (kind) {
    case PlantKind::expression: return "EXPR";
    case PlantKind::statement: return "STMT";
    case PlantKind::patch: return "PATCH";
  }
  return "?";
}

Result<Plant> parse_plant(std::string_view text) {
  TRY(message, parse_text_message(text));
  Plant plant;
  std::set<std::string> seen;
  for (const TextField& field : message) {
    const bool fresh = seen.insert(field.name).second;
    if (!fresh && field.name != "edit" && field.name != "scenario") {
      return wrong(field, "it stands twice");
    }
    TRY_VOID(set_field(plant, field));
  }
  for (const char* name : {"id", "class", "kind", "edit"}) {
    if (!seen.contains(name)) return fail(Code::invalid, fmt::format("'{}' is missing", name));
  }
  const bool fine = !plant.id.empty() && std::ranges::all_of(plant.id, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.';
  });
  if (!fine) return fail(Code::invalid, "an id is letters, digits, '_', '-' and '.'");
  return plant;
}

Result<Plants> load_plants(const std::filesystem::path& where) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  if (std::filesystem::is_directory(where, error)) {
    for (const auto& entry : std::filesystem::directory_iterator(where, error)) {
      if (entry.path().extension() == ".txtpb") files.push_back(entry.path());
    }
    std::ranges::sort(files);
  } else {
    files.push_back(where);
  }
  Plants plants;
  std::set<std::string> ids;
  for (const auto& file : files) {
    const auto plant = [&]() -> Result<Plant> {
      TRY(text, read_file(file));
      TRY(read, parse_plant(text));
      if (!ids.insert(read.id).second) {
        return fail(Code::invalid, fmt::format("its id {} is taken by another", read.id));
      }
      return read;
    }();
    if (plant) {
      plants.plants.push_back(*plant);
    } else {
      plants.refused.push_back(fmt::format("{}: {}", file.string(), plant.error().detail));
    }
  }
  if (files.empty()) return fail(Code::invalid, "no *.txtpb in " + where.string());
  return plants;
}

std::optional<std::string> misfit(const Plant& plant, const std::filesystem::path& root) {
  for (const Edit& edit : plant.edits) {
    const auto text = read_file(root / edit.file);
    if (!text) return "there is no file " + edit.file;
    const std::size_t times = count(*text, edit.old_text);
    if (times != 1) {
      return fmt::format("{} has its old text {} times, not once: {}", edit.file, times,
                         edit.old_text);
    }
    for (const Edit& other : plant.edits) {
      if (&other == &edit || other.file != edit.file) continue;
      const std::size_t here = text->find(edit.old_text), there = text->find(other.old_text);
      if (there != text->npos && here <= there && there < here + edit.old_text.size()) {
        return "two of its edits overlap in " + edit.file;
      }
    }
  }
  return std::nullopt;
}

}  // namespace perdure::sim::exam
