// What an Ingress needs, in pretence: partitions that run a handful of handlers on the
// spot, a schema with one service of each kind, and exchanges without a wire.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "engine/ingress/ingress.h"
#include "engine/io/clock.h"
#include "engine/wire/command.h"
#include "host/manual_loop.h"
#include "tests/support/counting_random.h"
#include "tests/support/pretend_exchange.h"
#include "tests/support/silent_trace.h"

namespace tests {

using namespace perdure;

// Runs handlers by their names: echo, run and shared answer their input, raw too, fail
// and odd fail, headers tells its headers, slow never ends.
class PretendPartitions : public ingress::Partitions {
 public:
  explicit PretendPartitions(io::Clock& clock) : clock_(clock) {}

  Result<ingress::Admitted> submit(const ingress::Submission& submission, Instant) override {
    ++submissions;
    if (!errors.empty()) {
      const Code code = errors.front();
      errors.pop_front();
      if (lost_replies) apply(submission);
      return fail(code, "as the test wants");
    }
    return apply(submission);
  }
  Result<ingress::Answer> await(const wire::InvocationId& id, Instant deadline) override {
    ++awaits;
    Result<ingress::Answer> answer = output(id, deadline);
    if (!answer && answer.error().code == Code::conflict) return fail(ending, "as the test wants");
    return answer;
  }
  Result<ingress::Answer> output(const wire::InvocationId& id, Instant) override {
    const auto found = known_.find(id);
    if (found == known_.end()) return fail(Code::not_found, "unknown invocation");
    if (!found->second.answer) return fail(Code::conflict, "it has not ended");
    return *found->second.answer;
  }
  void end(const wire::InvocationId& id, std::string output) {
    known_.at(id).answer = ingress::Answer{.outcome = wire::Value{std::move(output)}};
  }

  std::deque<Code> errors;        // of the next submissions
  bool lost_replies = false;      // the record of such a submission is applied all the same
  Code ending = Code::cancelled;  // of await() for what does not end
  WallTime not_before;            // requests of earlier are refused
  int submissions = 0, awaits = 0;
  wire::Record last;

 private:
  struct Known {
    std::uint64_t random_seed = 0;
    std::optional<ingress::Answer> answer;
  };

  ingress::Admitted apply(const ingress::Submission& submission) {
    last = *wire::decode<wire::Record>(submission.record);
    const auto* request = std::get_if<wire::RequestProducer>(&last.producer);
    if (request && request->first_attempt < not_before) return {.refused_at = not_before};
    const auto* invoke = std::get_if<wire::Invoke>(&last.commands.at(0).body);
    if (!invoke) return {};
    const auto [at, is_new] = known_.try_emplace(invoke->id);
    if (is_new) at->second = {invoke->random_seed, invoke->due ? std::nullopt : run(*invoke)};
    ingress::Admitted admitted{.fresh = at->second.random_seed == invoke->random_seed};
    using enum ingress::Wait;
    if (submission.wait == answered || (submission.wait == answered_if_fresh && admitted.fresh)) {
      admitted.answer = at->second.answer;
    }
    return admitted;
  }

  std::optional<ingress::Answer> run(const wire::Invoke& invoke) const {
    ingress::Answer answer{.expires = clock_.wall() + invoke.retention.completion,
                           .service = invoke.target.service,
                           .handler = invoke.target.handler};
    const std::string& handler = invoke.target.handler;
    if (handler == "slow" || invoke.target.service == "V") return std::nullopt;
    if (handler == "fail") {
      answer.outcome = wire::Failure{.code = 422, .message = "no way"};
    } else if (handler == "odd") {
      answer.outcome = wire::Failure{.code = 99, .message = "odd"};
    } else if (handler == "headers") {
      answer.outcome = wire::Value{headers_as_json(invoke.headers)};
    } else {
      answer.outcome = wire::Value{invoke.input};
    }
    return answer;
  }
  static std::string headers_as_json(const std::vector<wire::KeyValue>& headers) {
    std::string text = "[";
    for (const auto& header : headers) {
      if (text.size() > 1) text += ',';
      text += "[\"" + header.key + "\",\"" + header.value + "\"]";
    }
    return text + "]";
  }

  io::Clock& clock_;
  std::map<wire::InvocationId, Known> known_;
};

inline wire::Handler handler_of(std::string name,
                                wire::HandlerType type = wire::HandlerType::plain) {
  return {.name = std::move(name),
          .type = type,
          .input = {.content_type = "application/json"},
          .output = {.content_type = "application/json"}};
}

// G: a service.  H: a private one.  M: input rules of every sort.  O: an object.
// W: a workflow.  V: one that does not end.
inline wire::Schema schema_of_tests() {
  wire::Handler raw = handler_of("raw");
  raw.input.content_type = raw.output.content_type = "application/octet-stream";
  const auto m = [](std::string name, wire::InputRules rules) {
    return wire::Handler{.name = std::move(name), .input = std::move(rules)};
  };
  const std::string any = "*/*", json = "application/json";
  wire::Schema schema{
      .version = 1,
      .services = {
          {.name = "G",
           .handlers = {handler_of("echo"), handler_of("slow"), handler_of("fail"),
                        handler_of("odd"), handler_of("headers"), raw}},
          {.name = "H", .options = {.ingress_private = true}, .handlers = {handler_of("echo")}},
          {.name = "M",
           .handlers = {m("a", {}), m("b", {.required = true}),
                        m("c", {.required = true, .content_type = json}),
                        m("d", {.content_type = "text/*"}),
                        m("e", {.content_type = json, .json_schema = "{}"}),
                        m("f", {.json_schema = "true"}),
                        m("l", {.required = true, .content_type = json, .json_schema = "{}"}),
                        m("m", {.content_type = any}),
                        m("n", {.required = true, .content_type = any}),
                        m("p", {.content_type = "foo/bar;x=1"}),
                        m("q", {.content_type = json, .json_schema = "{}"}),
                        m("s", {.content_type = json, .json_schema = "{}"})}},
          {.name = "O",
           .type = wire::ServiceType::virtual_object,
           .handlers = {handler_of("echo", wire::HandlerType::exclusive),
                        handler_of("slow", wire::HandlerType::exclusive),
                        handler_of("shared", wire::HandlerType::shared)}},
          {.name = "V",
           .type = wire::ServiceType::workflow,
           .handlers = {handler_of("run", wire::HandlerType::workflow)}},
          {.name = "W",
           .type = wire::ServiceType::workflow,
           .handlers = {handler_of("run", wire::HandlerType::workflow),
                        handler_of("status", wire::HandlerType::shared)}}}};
  return schema;
}

class PretendSchemas : public ingress::Schemas {
 public:
  const wire::Schema& current() const override { return schema; }
  wire::Schema schema = schema_of_tests();
};

// One shard's ingress and all it stands on.
struct Bench {
  host::ManualLoop loop;
  CountingRandom random;
  SilentTrace trace;
  PretendPartitions partitions{loop.clock};
  PretendSchemas schemas;
  ingress::Options options;

  ingress::Ingress ingress() {
    return ingress::Ingress({loop.clock, loop.fibers, random, trace, partitions, schemas}, options);
  }
  // Serves one request to its end.
  PretendExchange serve(io::Request request, std::deque<Result<std::string>> body = {}) {
    PretendExchange exchange(std::move(request), std::move(body));
    ingress::Ingress served = ingress();
    CHECK(loop.run([&] { served.serve(exchange); }));
    return exchange;
  }
  PretendExchange post(std::string target, std::string body = "1", io::Headers more = {}) {
    more.insert(more.begin(), {"content-type", "application/json"});
    return serve({.method = "POST", .target = std::move(target), .headers = std::move(more)},
                 body.empty() ? std::deque<Result<std::string>>{}
                              : std::deque<Result<std::string>>{std::move(body)});
  }
};

}  // namespace tests
