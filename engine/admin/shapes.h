// engine/admin/shapes.h
//
// What the JSON of this API looks like, for those who read /openapi: one line a shape.
//
//     {"ServiceNameRevPair", "name! text, revision! number"}
//
// `!` is always there, `?` may be absent; a type is text, number, bool, any, the name of
// another shape, or these in [] for a list and in {} for an object with such members.  A
// shape of words in place of members is one of them: "Cancel | Kill | Purge".
#pragma once

#include <span>
#include <string_view>

namespace perdure::admin {

struct Shape {
  std::string_view name, text;
};
std::span<const Shape> shapes();

}  // namespace perdure::admin
