// What is begun again as another, and what is asked before the last was answered.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "sim/workload/pipelined.h"
#include "sim/workload/tourist.h"

namespace perdure::sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Two runs drew two numbers, "<first> <second>".  From its beginning it draws both again; from
// behind the first run only the second.
bool Tour::Tourist::restart() {
  const auto answer = call("/Fan/marks", token_, token_);
  if (!answer) return false;
  const std::size_t blank = answer->body.find(' ');
  if (answer->status != 200 || blank == std::string::npos) {
    return claim(false, "stable-answers", "restart",
                 fmt::format("answered {} '{}'", answer->status, answer->body));
  }
  const std::string first = answer->body.substr(0, blank + 1);
  const bool whole = below("tour.whole", 3) == 0;
  const std::string verb =
      whole ? "restart-as-new?deployment=keep" : "restart-as-new?from=1&deployment=keep";
  const auto begun = administer(answer->invocation, verb);
  if (!begun || tour_.clocks_jumped()) return begun.has_value();  // nothing may be left of it
  const auto told = nlohmann::json::parse(begun->body, nullptr, /*allow_exceptions=*/false);
  if (begun->status != 200 || !told.is_object() || !told.contains("new_invocation_id")) {
    return claim(false, "stable-answers", "restart",
                 fmt::format("a restart was answered {} '{}'", begun->status, begun->body));
  }
  const std::string another = told["new_invocation_id"];
  const auto anew = outcome(another);
  if (!anew) return false;
  claim(anew->status == 200 && another != answer->invocation && anew->body != answer->body &&
            anew->body.starts_with(first) != whole,
        "stable-answers", "restart",
        fmt::format("answered '{}', and {} '{}' after {}", answer->body, anew->status, anew->body,
                    verb));
  // The result stays without the journal.
  if (!administer(answer->invocation, "purge-journal")) return false;
  const auto same = call("/Fan/marks", token_, token_);
  if (!same) return false;
  expect(*same, "restart", answer->body);
  const auto nothing = administer(answer->invocation, verb);
  return nothing &&
         claim(nothing->status == 410 || tour_.clocks_jumped(), "stable-answers", "restart",
               fmt::format("without its journal a restart was answered {} '{}'", nothing->status,
                           nothing->body));
}

// Only where there are connections at all.
bool Tour::Tourist::breath() {
  if (!tour_.experiment_.universe().http_over_streams()) return true;
  std::vector<Pipelined> requests;
  for (std::uint64_t n = 2 + below("tour.breath", 4); n > 0; --n) {
    const std::uint64_t kind = below("tour.request", 6);
    if (kind == 0) {
      requests.push_back({.asked = {.method = "GET", .target = "/restate/health"}});
      continue;
    }
    std::string text = fmt::format("{}-{}", token_, n);
    text.append(below("tour.size", 2000), '.');
    const std::string key = fmt::format("{}b{}", token_, n);
    requests.push_back({.asked = call_of("/Echo/echo", std::move(text), key),
                        .body = static_cast<Body>(kind % 3)});
  }
  while (true) {
    const auto answers = ask_in_one_breath(world_, some_ingress(), requests, in(seconds(10)));
    if (!answers && answers.error().code == Code::conflict) {
      return claim(false, "stable-answers", "breath", answers.error().detail);
    }
    const bool all = answers && std::ranges::none_of(*answers, &Answered::is_for_now);
    if (!all) {
      if (!pause_exactly(milliseconds(20 + below("tour.again", 400)))) return false;
      continue;
    }
    for (std::size_t i = 0; i < requests.size(); ++i) {
      const Answered& answer = (*answers)[i];
      if (requests[i].asked.method == "POST") {
        expect(answer, "breath", requests[i].asked.body);
      } else {
        claim(answer.status == 200 && answer.body.starts_with("{\"services\":["), "stable-answers",
              "breath", fmt::format("answered {} '{}'", answer.status, answer.body));
      }
    }
    return true;
  }
}

}  // namespace perdure::sim
