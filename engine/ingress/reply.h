// engine/ingress/reply.h
//
// Answers as clients know them: status, headers in their usual order, body.  Values;
// request.cpp sends them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/ingress/ingress.h"
#include "engine/ingress/route.h"

namespace perdure::ingress {

struct Reply {
  io::Response response;
  std::string body;
};

// {"code":404,"message":"…","source":"ingress"}
Reply refused(const Refusal&);
// A body announced as larger than allowed: plain text, before anything else is looked at.
Reply too_large();

// What a result's content type is made of: the handler's output rules, copied, because
// the schema may change while we wait.
struct OutputForm {
  std::optional<std::string> content_type = "application/json";
  bool set_if_empty = false;
};

// The end of an invocation, either way.  `expires` only on what was kept: the first,
// live answer does not name it.
Reply answered(const wire::InvocationId&, Answer, const OutputForm&);
// {"code":…,"message":"…","source":"invocation"}: the invocation, not we, says no.
Reply failed(const wire::InvocationId&, int status, std::string_view message);

struct Sent {
  wire::InvocationId id;
  bool fresh = true;
  std::optional<WallTime> due;
};
Reply sent(const Sent&);
Reply looked_up(const wire::InvocationId&);
Reply health(const wire::Schema&);
Reply accepted();  // of an awakeable: 202 and nothing
Reply preflight(const io::Request&);

// What every answer of ours carries so that pages of other origins may read it.
void add_cors(const io::Request&, io::Response&);

}  // namespace perdure::ingress
