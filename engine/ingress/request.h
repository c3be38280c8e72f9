// engine/ingress/request.h
//
// The life of one request, in one fiber, top to bottom; ingress.h tells it in six steps.
// The schema may change whenever the fiber parks, so what was looked up before reading
// the body is looked up again after it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "engine/ingress/ingress.h"
#include "engine/ingress/reply.h"
#include "engine/ingress/route.h"

namespace perdure::wire {
struct Record;
}

namespace perdure::ingress {

class Request {
 public:
  Request(const Needs& needs, const Options& options, io::Exchange& exchange);

  // Absent: there is nobody to answer any more.
  std::optional<Reply> run();

 private:
  using MaybeReply = std::optional<Reply>;
  struct Body {
    std::string bytes;
  };
  struct Invocation {  // a call that passed every check
    wire::InvocationId id;
    Submission submission;
    OutputForm form;
    std::optional<WallTime> due;
    bool send = false;
    bool once = false;  // a workflow's run: a second caller is refused
  };

  MaybeReply call(const route::Call& found);
  std::variant<Refusal, Invocation> invocation(route::Call found, std::string input);
  std::optional<Refusal> check_head(const route::Call&) const;
  std::optional<Refusal> check_body(const route::Call&, const std::string& body) const;
  std::optional<Refusal> check_limit_key() const;
  // When it is to run, from ?delay=.
  std::variant<Refusal, std::optional<WallTime>> due() const;
  MaybeReply result(const Invocation&, Admitted);

  MaybeReply retrieve(const wire::InvocationId&, Ask);
  MaybeReply attach(const wire::InvocationId&);
  MaybeReply output(const wire::InvocationId&);
  MaybeReply retrieve_by_body(Ask);
  MaybeReply awakeable(const route::Awakeable&);

  // The whole body; or the answer to give instead, or nothing when the client is gone.
  std::variant<Body, MaybeReply> read_body();
  Result<Admitted> submit(const Submission&);
  Result<Admitted> submit_once(std::uint64_t partition_key, wire::Record);
  Result<Answer> await(const wire::InvocationId&);
  // Parks a little longer each time.  Error: cancelled.
  Result<void> pause(Duration& span);
  OutputForm form_of(const Answer&) const;
  Instant now() const;

  const Needs& needs_;
  const Options& options_;
  io::Exchange& exchange_;
  const io::Request& request_;
  const RequestTarget target_;
};

}  // namespace perdure::ingress
