// The three ways a setting comes in: flags, environment, file.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <map>
#include <optional>
#include <sstream>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "net/options.h"
#include "net/verbs/verbs.h"

namespace perdure::net {
namespace {

constexpr std::string_view variable_prefix = "PERDURE_";

// Where each value was given, in the order in which a later one wins.
struct Given {
  std::string origin;  // for people: "--shards", "PERDURE_SHARDS", "p.toml: shards"
  std::string text;
};
using Values = std::map<std::string, Given>;

std::unexpected<Error> refuse(const std::string& detail) { return fail(Code::invalid, detail); }

std::vector<std::string> option_names() {
  std::vector<std::string> names = {"config"};
  for (const Option& option : all_options()) names.push_back(option.name);
  return names;
}

bool known(const std::string& name) {
  const std::vector<std::string> names = option_names();
  return std::ranges::find(names, name) != names.end();
}

std::string variable_of(std::string_view name) {
  std::string variable(variable_prefix);
  for (const char c : name) {
    variable += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return variable;
}

Result<Values> from_environment(std::span<const std::string> environment) {
  std::map<std::string, std::string> names;
  std::vector<std::string> variables;
  for (const std::string& name : option_names()) {
    variables.push_back(variable_of(name));
    names[variables.back()] = name;
  }
  Values values;
  for (const std::string& entry : environment) {
    if (!entry.starts_with(variable_prefix)) continue;
    const std::string variable = entry.substr(0, entry.find('='));
    if (!names.contains(variable)) {
      return refuse("environment variable " + variable + " is unknown, the nearest is " +
                    nearest(variable, variables));
    }
    const std::string text = entry.substr(std::min(entry.size(), variable.size() + 1));
    values[names[variable]] = {.origin = variable, .text = text};
  }
  return values;
}

// A value of the file as the text that a flag would have; nullopt for a table.
std::optional<std::string> text_of(const toml::node& node) {
  if (const auto text = node.value_exact<std::string>()) return *text;
  if (const auto number = node.value_exact<std::int64_t>()) return std::to_string(*number);
  if (const auto truth = node.value_exact<bool>()) return *truth ? "true" : "false";
  const toml::array* const list = node.as_array();
  if (list == nullptr) return std::nullopt;
  std::string joined;
  for (const toml::node& item : *list) {
    const auto text = text_of(item);
    if (!text) return std::nullopt;
    joined += (joined.empty() ? "" : ",") + *text;
  }
  return joined;
}

Result<Values> from_file(const std::string& path) {
  const toml::parse_result parsed = toml::parse_file(path);
  if (!parsed) {
    std::ostringstream where;
    where << parsed.error().source().begin;
    return refuse("configuration file '" + path +
                  "': " + std::string(parsed.error().description()) + " at " + where.str());
  }
  Values values;
  for (const auto& [key, node] : parsed.table()) {
    const std::string name(key.str());
    if (!known(name) || name == "config") {
      return refuse("configuration file '" + path + "': '" + name +
                    "' is unknown, the nearest is '" + nearest(name, option_names()) + "'");
    }
    const auto text = text_of(node);
    if (!text) {
      return refuse("configuration file '" + path + "': '" + name +
                    "' must be a text, a number, true, false or a list of such");
    }
    values[name] = {.origin = path + ": " + name, .text = *text};
  }
  return values;
}

// The program's grammar, and where CLI11 puts what it finds.
struct Grammar {
  explicit Grammar(std::string_view version);

  CLI::App app{"Perdure, a server for durable execution.", "perdure"};
  CLI::App* serve = nullptr;
  CLI::App* config = nullptr;
  CLI::App* snapshot = nullptr;
  std::vector<std::pair<CLI::App*, node::SnapshotVerb>> snapshot_verbs;
  std::string snapshot_folder;
  std::optional<std::uint32_t> snapshot_partition;
  std::map<std::string, std::string> texts;
  std::map<std::string, CLI::Option*> flags;
  bool markdown = false;
  std::function<int()> act;  // the verb that was said, if any
};

Grammar::Grammar(std::string_view version) {
  app.require_subcommand(0, 1);
  app.set_version_flag("--version", "perdure " + std::string(version));
  serve = app.add_subcommand("serve", "Runs a server.");
  serve->allow_extras();  // refused below, with a better word
  flags["config"] =
      serve->add_option("--config", texts["config"], "TOML file with settings.")->type_name("FILE");
  for (const Option& option : all_options()) {
    std::string doc = option.doc;
    if (!option.default_text.empty()) doc += " [" + option.default_text + "]";
    flags[option.name] = serve->add_option("--" + option.name, texts[option.name], doc)
                             ->type_name(option.type)
                             ->group(option.section);
  }
  add_verbs(app, [this](Run run) { act = std::move(run); });
  snapshot = app.add_subcommand("snapshot", "Snapshots of a server that is not running.");
  snapshot->require_subcommand(1);
  const auto verb = [this](const char* name, const char* doc, node::SnapshotVerb means) {
    CLI::App* made = snapshot->add_subcommand(name, doc);
    made->add_option("--data-dir", snapshot_folder, "Its data directory.")
        ->type_name("text")
        ->required();
    made->add_option("--partition", snapshot_partition, "Only of this partition.")
        ->type_name("number");
    snapshot_verbs.emplace_back(made, means);
  };
  verb("list", "Shows which there are, and whether they are whole.", node::SnapshotVerb::list);
  verb("export", "Takes one of the tables as they are.", node::SnapshotVerb::export_now);
  verb("restore", "Makes tables anew from the newest snapshot that is whole.",
       node::SnapshotVerb::restore);
  config = app.add_subcommand("config", "Tells about settings.");
  config->add_flag("--markdown", markdown, "Prints the reference of all settings.")->required();
}

Result<Values> from_flags(const Grammar& grammar) {
  for (const std::string& extra : grammar.serve->remaining()) {
    if (!extra.starts_with("--")) return refuse("'" + extra + "' was not expected");
    const std::string name = extra.substr(2, extra.find('=') - 2);
    return refuse("flag --" + name + " is unknown, the nearest is --" +
                  nearest(name, option_names()));
  }
  Values values;
  for (const auto& [name, flag] : grammar.flags) {
    if (flag->count() == 0) continue;
    values[name] = {.origin = "--" + name, .text = grammar.texts.at(name)};
  }
  return values;
}

// Later ones win.
void overlay(Values& values, const Values& above) {
  for (const auto& [name, given] : above) values[name] = given;
}

Result<Command> serve_command(const Grammar& grammar, std::span<const std::string> environment,
                              std::string_view version) {
  TRY(flags, from_flags(grammar));
  TRY(variables, from_environment(environment));
  Values above = variables;
  overlay(above, flags);
  Values values;
  if (const auto file = above.find("config"); file != above.end()) {
    TRY(written, from_file(file->second.text));
    values = written;
  }
  overlay(values, above);
  Serve serve;
  serve.settings.node.version = version;
  for (const Option& option : all_options()) {
    const auto given = values.find(option.name);
    if (given == values.end()) continue;
    const Result<void> set = option.set(serve.settings, given->second.text);
    if (!set) return refuse(given->second.origin + ": " + set.error().detail);
  }
  return serve;
}

HandleSnapshots snapshot_command(const Grammar& grammar) {
  HandleSnapshots command{.data_dir = grammar.snapshot_folder, .partition = {}};
  for (const auto& [verb, means] : grammar.snapshot_verbs) {
    if (verb->parsed()) command.verb = means;
  }
  if (grammar.snapshot_partition) command.partition = PartitionId(*grammar.snapshot_partition);
  return command;
}

}  // namespace

Result<Command> parse_command(std::span<const std::string> arguments,
                              std::span<const std::string> environment, std::string_view version) {
  Grammar grammar(version);
  std::vector<std::string> backwards(arguments.rbegin(), arguments.rend());  // as CLI11 takes them
  try {
    grammar.app.parse(backwards);
  } catch (const CLI::CallForVersion& call) {
    return Print{std::string(call.what()) + "\n"};
  } catch (const CLI::CallForHelp&) {
    const CLI::App* at = &grammar.app;
    while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
    return Print{at->help()};
  } catch (const CLI::ParseError& error) {
    return refuse(error.what());
  }
  if (grammar.config->parsed()) return Print{options_as_markdown()};
  if (grammar.act) return Act{std::move(grammar.act)};
  if (grammar.snapshot->parsed()) return snapshot_command(grammar);
  if (grammar.serve->parsed()) return serve_command(grammar, environment, version);
  return Print{grammar.app.help()};
}

}  // namespace perdure::net
