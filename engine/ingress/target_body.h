// engine/ingress/target_body.h
//
// Which invocation a JSON body means (POST /restate/attach, output, lookup):
//
//     {"target":"workflow","workflowName","workflowKey","scope"?}
//     {"target":"idempotentInvocation","service","key"?,"handler","idempotencyKey","scope"?}
//     {"target":"invocation","invocationId"}
//
// Pure computation: whether there is such a service or invocation is not asked.
#pragma once

#include <string_view>
#include <variant>

#include "engine/ingress/route.h"

namespace perdure::ingress {

// `what` begins the complaint: "invalid lookup body".
std::variant<Refusal, wire::InvocationId> target_of_body(std::string_view body,
                                                         std::string_view what);

}  // namespace perdure::ingress
