#include "sim/scenario_file.h"

#include <fmt/format.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "engine/base/check.h"
#include "faults/catalogue.h"
#include "sim/fault_text.h"
#include "sim/scenario.h"
#include "sim/scenario.pb.h"
#include "sim/scenario_texts.h"
#include "sim/workload/clients.h"

namespace perdure::sim {

namespace {

namespace pb = google::protobuf;

// The first complaint of the parser.
class FirstError final : public pb::io::ErrorCollector {
 public:
  void AddError(int line, pb::io::ColumnNumber column, const std::string& message) override {
    if (text_.empty()) text_ = fmt::format("{}:{}: {}", line + 1, column + 1, message);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// Every number of a message, as settings "<prefix>.<field>".
void take_settings(const pb::Message& message, const std::string& prefix, Settings& settings) {
  const pb::Reflection& reflection = *message.GetReflection();
  std::vector<const pb::FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const pb::FieldDescriptor* field : fields) {
    if (field->is_repeated() || field->type() != pb::FieldDescriptor::TYPE_UINT64) continue;
    settings[prefix + "." + field->name()] = reflection.GetUInt64(message, field);
  }
}

// The other way; false when the message has no such field.
bool give_setting(pb::Message& message, const std::string& name, std::uint64_t value) {
  const pb::FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(name);
  const bool fits = field != nullptr && !field->is_repeated() &&
                    field->type() == pb::FieldDescriptor::TYPE_UINT64;
  if (fits) message.GetReflection()->SetUInt64(&message, field, value);
  return fits;
}

// "segment_bytes" is limit.segment_bytes; a name with a dot is any setting as it is called.
std::string setting_of_limit(const std::string& name) {
  return name.find('.') == name.npos ? "limit." + name : name;
}
std::string limit_of_setting(const std::string& name) {
  constexpr std::string_view prefix = "limit.";
  const bool plain = name.starts_with(prefix) && name.find('.', prefix.size()) == name.npos;
  return plain ? name.substr(prefix.size()) : name;
}

Result<std::set<faults::Kind>> kinds_of(const pb::RepeatedPtrField<std::string>& names) {
  std::set<faults::Kind> kinds;
  for (const std::string& name : names) {
    const faults::Entry* entry = faults::find(name);
    if (entry == nullptr) return fail(Code::invalid, "no fault is called " + name);
    kinds.insert(entry->kind);
  }
  return kinds;
}

Result<faults::SwarmRules> rules_of(const text::Swarm& swarm) {
  faults::SwarmRules rules;
  TRY(forbid, kinds_of(swarm.forbid()));
  TRY(always, kinds_of(swarm.always()));
  TRY(only, kinds_of(swarm.only()));
  rules.forbid = std::move(forbid);
  rules.always = std::move(always);
  if (!only.empty()) rules.only = std::move(only);
  using faults::Profile;
  for (const Profile profile : {Profile::calm, Profile::mild, Profile::rough, Profile::hostile}) {
    if (swarm.profile() == name_of(profile)) rules.profile = profile;
  }
  if (!swarm.profile().empty() && !rules.profile) {
    return fail(Code::invalid, "a profile is calm, mild, rough or hostile, not " + swarm.profile());
  }
  return rules;
}

Result<faults::Misfortune> misfortune_of(const text::Nemesis& nemesis) {
  TRY(fault, fault_of(nemesis.op()));
  faults::Misfortune misfortune = {.at = span_of_ms(nemesis.at_ms()), .fault = std::move(fault)};
  misfortune.on_event = nemesis.on_event();
  if (nemesis.has_on()) {
    misfortune.on_mark = nemesis.on().mark();
    misfortune.nth = nemesis.on().has_nth() ? nemesis.on().nth() : 1;
    if (misfortune.on_mark.empty()) return fail(Code::invalid, "nemesis { on } needs a mark");
  }
  return misfortune;
}

void take_mix(const text::Workload& workload, Settings& settings) {
  constexpr std::string_view prefix = "workload.mix.";
  if (workload.only_mix()) {
    for (std::size_t verb = 0; verb < verbs_of_workload; ++verb) {
      settings[std::string(prefix) + std::string(name_of(static_cast<Verb>(verb)))] = 0;
    }
  }
  for (const text::Mix& mix : workload.mix()) {
    settings[std::string(prefix) + mix.verb()] = mix.weight();
  }
}

Result<Plan> plan_of(const text::Scenario& scenario) {
  Plan plan;
  plan.story = scenario.story();
  plan.kind = scenario.cluster().kind().empty() ? "single_node" : scenario.cluster().kind();
  if (find_scenario(plan.kind) == nullptr) {
    return fail(Code::invalid, "no cluster is of the kind " + plan.kind);
  }
  plan.reaches.assign(scenario.reaches().begin(), scenario.reaches().end());
  for (const text::Expect& expect : scenario.expect()) {
    plan.expects.push_back(
        {.mark = expect.sometimes(), .hits_min = expect.has_min_hits() ? expect.min_hits() : 1});
  }
  if (scenario.has_seed()) plan.seed = scenario.seed();
  take_settings(scenario.cluster(), "cluster", plan.settings);
  take_settings(scenario.time(), "time", plan.settings);
  take_settings(scenario.workload(), "workload", plan.settings);
  take_settings(scenario.handlers(), "handlers", plan.settings);
  if (scenario.workload().only_mix() && scenario.workload().mix().empty()) {
    return fail(Code::invalid, "workload { only_mix } leaves nothing to do");
  }
  take_mix(scenario.workload(), plan.settings);
  plan.skipped.assign(scenario.workload().skip().begin(), scenario.workload().skip().end());
  for (const text::Limit& limit : scenario.limit()) {
    const std::string name = setting_of_limit(limit.name());
    if (limit.has_value()) {
      plan.settings[name] = limit.value();
    } else if (limit.has_high() && limit.low() <= limit.high()) {
      plan.ranges[name] = {.low = limit.low(), .high = limit.high()};
    } else {
      return fail(Code::invalid, "limit " + limit.name() + " needs a value, or low and high");
    }
  }
  if (scenario.world().has_pick()) {
    plan.pick = pick_named(scenario.world().pick());
    if (!plan.pick) return fail(Code::invalid, "a pick is first, any or priority");
  }
  if (scenario.world().has_framed_http()) plan.framed_http = scenario.world().framed_http();
  plan.no_chance = scenario.swarm().none();
  TRY(rules, rules_of(scenario.swarm()));
  plan.rules = std::move(rules);
  for (const text::Weather& weather : scenario.weather()) {
    plan.weather[weather.name()] = weather.value();
  }
  faults::Weather probe;
  TRY_VOID(apply(plan, probe));
  for (const text::Nemesis& nemesis : scenario.nemesis()) {
    TRY(misfortune, misfortune_of(nemesis));
    plan.misfortunes.push_back(std::move(misfortune));
  }
  if (scenario.has_mishaps()) {
    plan.mishaps.emplace();
    for (const text::Mishap& mishap : scenario.mishaps().mishap()) {
      const faults::Entry* entry = faults::find(mishap.kind());
      if (entry == nullptr) return fail(Code::invalid, "no fault is called " + mishap.kind());
      plan.mishaps->push_back(
          {.kind = entry->kind, .where = mishap.where(), .ordinal = mishap.ordinal()});
    }
  }
  return plan;
}

void give_settings(const Plan& plan, text::Scenario& scenario) {
  for (const auto& [name, value] : plan.settings) {
    const std::size_t dot = name.find('.');
    const std::string prefix = name.substr(0, dot),
                      rest = name.substr(std::min(dot + 1, name.size()));
    const bool given =
        prefix == "cluster"    ? give_setting(*scenario.mutable_cluster(), rest, value)
        : prefix == "time"     ? give_setting(*scenario.mutable_time(), rest, value)
        : prefix == "handlers" ? give_setting(*scenario.mutable_handlers(), rest, value)
        : prefix == "workload" ? give_setting(*scenario.mutable_workload(), rest, value)
                               : false;
    if (given) continue;
    if (name.starts_with("workload.mix.")) {
      text::Mix* mix = scenario.mutable_workload()->add_mix();
      mix->set_verb(rest.substr(4));
      mix->set_weight(value);
      continue;
    }
    text::Limit* limit = scenario.add_limit();
    limit->set_name(limit_of_setting(name));
    limit->set_value(value);
  }
  for (const auto& [name, range] : plan.ranges) {
    text::Limit* limit = scenario.add_limit();
    limit->set_name(limit_of_setting(name));
    limit->set_low(range.low);
    limit->set_high(range.high);
  }
}

void give_rules(const Plan& plan, text::Swarm& swarm) {
  if (plan.no_chance) swarm.set_none(true);
  if (plan.rules.profile) swarm.set_profile(std::string(name_of(*plan.rules.profile)));
  const auto name = [](faults::Kind kind) { return std::string(faults::entry(kind).name); };
  for (const faults::Kind kind : plan.rules.forbid) swarm.add_forbid(name(kind));
  for (const faults::Kind kind : plan.rules.always) swarm.add_always(name(kind));
  if (!plan.rules.only) return;
  for (const faults::Kind kind : *plan.rules.only) swarm.add_only(name(kind));
}

text::Scenario scenario_of(const Plan& plan) {
  text::Scenario scenario;
  scenario.set_story(plan.story);
  for (const std::string& mark : plan.reaches) scenario.add_reaches(mark);
  for (const Plan::Expected& expected : plan.expects) {
    text::Expect* expect = scenario.add_expect();
    expect->set_sometimes(expected.mark);
    expect->set_min_hits(expected.hits_min);
  }
  if (plan.seed) scenario.set_seed(*plan.seed);
  scenario.mutable_cluster()->set_kind(plan.kind);
  give_settings(plan, scenario);
  for (const std::string& token : plan.skipped) scenario.mutable_workload()->add_skip(token);
  if (plan.pick) scenario.mutable_world()->set_pick(std::string(name_of(*plan.pick)));
  if (plan.framed_http) scenario.mutable_world()->set_framed_http(*plan.framed_http);
  give_rules(plan, *scenario.mutable_swarm());
  for (const auto& [name, value] : plan.weather) {
    text::Weather* weather = scenario.add_weather();
    weather->set_name(name);
    weather->set_value(value);
  }
  for (const faults::Misfortune& misfortune : plan.misfortunes) {
    text::Nemesis* nemesis = scenario.add_nemesis();
    nemesis->set_at_ms(ms_of_span(misfortune.at));
    if (misfortune.on_event > 0) nemesis->set_on_event(misfortune.on_event);
    if (!misfortune.on_mark.empty()) {
      nemesis->mutable_on()->set_mark(misfortune.on_mark);
      nemesis->mutable_on()->set_nth(misfortune.nth);
    }
    put_fault(misfortune.fault, *nemesis->mutable_op());
  }
  if (plan.mishaps) {
    for (const faults::Mishap& mishap : *plan.mishaps) {
      text::Mishap* each = scenario.mutable_mishaps()->add_mishap();
      each->set_kind(std::string(faults::entry(mishap.kind).name));
      each->set_where(mishap.where);
      each->set_ordinal(mishap.ordinal);
    }
    (void)scenario.mutable_mishaps();  // present although empty
  }
  return scenario;
}

}  // namespace

Result<Plan> plan_of_text(std::string name, std::string_view text) {
  text::Scenario scenario;
  pb::TextFormat::Parser parser;
  FirstError error;
  parser.RecordErrorsTo(&error);
  if (!parser.ParseFromString(std::string(text), &scenario)) {
    return fail(Code::invalid, name + ":" + error.text());
  }
  auto plan = plan_of(scenario);
  if (!plan) return fail(Code::invalid, name + ": " + plan.error().detail);
  if (plan->story.empty()) return fail(Code::invalid, name + ": a scenario has a story");
  if (plan->reaches.empty() && !plan->seed) {
    return fail(Code::invalid, name + ": a scenario says which mark it reaches");
  }
  plan->name = std::move(name);
  return plan;
}

std::string text_of_plan(const Plan& plan) {
  pb::TextFormat::Printer printer;
  printer.SetUseShortRepeatedPrimitives(true);
  printer.SetUseUtf8StringEscaping(true);
  std::string text;
  const text::Scenario scenario = scenario_of(plan);
  printer.PrintToString(scenario, &text);
  return text;
}

Result<Plan> open_plan(const std::string& name) {
  if (const Scenario* scenario = find_scenario(name)) {
    Plan plan;
    plan.name = name;
    plan.story = scenario->story;
    plan.kind = name;
    return plan;
  }
  for (const ScenarioText& each : scenario_texts()) {
    if (each.name == name) return plan_of_text(name, each.text);
  }
  std::ifstream file(name);
  if (!file) return fail(Code::not_found, "no such scenario: " + name);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  auto plan = plan_of_text(name, text);
  // Workers run elsewhere.
  if (plan) plan->name = std::filesystem::absolute(name).lexically_normal().string();
  return plan;
}

std::vector<Plan> all_plans() {
  std::vector<Plan> plans;
  for (const Scenario& scenario : scenarios()) {
    if (!scenario.must_find.empty()) continue;
    plans.push_back({.name = std::string(scenario.name),
                     .story = std::string(scenario.story),
                     .kind = std::string(scenario.name)});
  }
  for (const ScenarioText& each : scenario_texts()) {
    if (auto plan = plan_of_text(std::string(each.name), each.text)) plans.push_back(*plan);
  }
  return plans;
}

}  // namespace perdure::sim
