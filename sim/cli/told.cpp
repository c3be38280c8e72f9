#include "sim/cli/told.h"

#include <charconv>

#include "sim/trace/story_file.h"

namespace perdure::sim::cli {

Told tell(const OneSeed& seed, Config config) {
  Told told = {.story = std::make_unique<trace::Story>(), .verdict = {}};
  config.story = told.story.get();
  told.verdict = seed.run(config);
  trace::About& about = told.story->about;
  about.token = seed.token.text();
  about.build = build_id();
  about.scenario = seed.plan.name;
  about.tale = seed.plan.story;
  about.seed = seed.token.seed;
  about.drawn = told.verdict.drawn;
  about.events = told.verdict.events;
  about.time = told.verdict.time;
  about.digest = told.verdict.digest;
  if (told.verdict.finding) {
    about.check = told.verdict.finding->check;
    about.subject = told.verdict.finding->subject;
    about.detail = told.verdict.finding->detail;
  }
  return told;
}

Result<std::unique_ptr<trace::Story>> find_story(const std::string& token_or_file, bool force) {
  if (!token_or_file.starts_with("S1-")) {
    const auto bytes = trace::read_file(token_or_file);
    if (bytes && trace::is_story(*bytes)) {
      TRY(story, trace::from_bytes(*bytes));
      return std::make_unique<trace::Story>(std::move(story));
    }
  }
  TRY(seed, find_seed(token_or_file, force));
  return tell(seed).story;
}

Result<std::uint64_t> event_number(const std::string& text) {
  const std::string_view digits =
      text.starts_with("event:") ? std::string_view(text).substr(6) : std::string_view(text);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size() || digits.empty()) {
    return fail(Code::invalid, "not an event: '" + text + "'; say event:812345");
  }
  return number;
}

}  // namespace perdure::sim::cli
