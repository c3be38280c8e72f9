// engine/admin/text.h
//
// Small things of requests and replies: parameters in, the usual error bodies out.
//
//     what an operator did wrong     {"message":"…","restate_code":null}
//     what the request's form did    text/plain, as web frameworks say it
//
// What takes or gives JSON is a template, so that this header needs no JSON library; each
// is instantiated once, in text.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "engine/admin/routes.h"

namespace perdure::admin {

// The first value of a query parameter, decoded.
std::optional<std::string> query_parameter(std::string_view query, std::string_view name);

Reply empty(int status);
Reply plain(int status, std::string text);
template <class Json>  // nlohmann::ordered_json
Reply json_reply(int status, const Json&);
Reply refused(const Refused&);
Reply refused(int status, std::string message);
// A partition could not be asked; nothing when the client is gone.
MaybeReply unavailable(const Error&);

// The body as JSON, or the reply that says why it is none.
template <class Json>  // nlohmann::json
std::variant<Reply, Json> json_body(const Call&);
// It is JSON, but not of the form wanted.
Reply wrong_shape(const std::string& why);

}  // namespace perdure::admin
