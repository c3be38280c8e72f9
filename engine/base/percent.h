// engine/base/percent.h
//
// Text out of URIs (RFC 3986, section 2.1).  What is no escape stays as it is: "100%" is one.
#pragma once

#include <string>
#include <string_view>

namespace perdure {

std::string percent_decode(std::string_view text);
// Of a query, as forms write it: '+' is a blank (WHATWG URL, section 5.1).
std::string form_decode(std::string_view text);

}  // namespace perdure
