// The exam: what a plant may say, and how it gets into a text.
#include <gtest/gtest.h>

#include "sim/exam/graft.h"
#include "sim/exam/plant.h"
#include "sim/exam/result.h"
#include "sim/exam/text_message.h"

namespace perdure::sim::exam {
namespace {

constexpr std::string_view good = R"(
# a comment
id: "L12"  class: EASY  expect: "LOG-5"  kind: EXPR
story: "One "
       "too far."
edit { file: "engine/log/chain.cpp"  old: "a\t\"b\"\n"  new: 'it' 's' }
edit: < file: "x.h", old: "\x41\101", new: "" >
)";

std::string refusal(const std::string& text) {
  const auto plant = parse_plant(text);
  return plant ? "accepted" : plant.error().detail;
}

Edit edit(std::string old_text, std::string new_text) {
  return {.file = "a.cpp", .old_text = std::move(old_text), .new_text = std::move(new_text)};
}

TEST(Plant, ReadsAllThatTheFormatAllows) {
  const auto plant = parse_plant(good);
  ASSERT_TRUE(plant) << plant.error().detail;
  EXPECT_EQ(plant->id, "L12");
  EXPECT_EQ(plant->expected_within, Class::easy);
  EXPECT_EQ(plant->story, "One too far.");
  ASSERT_EQ(plant->edits.size(), 2u);
  EXPECT_EQ(plant->edits[0].old_text, "a\t\"b\"\n");
  EXPECT_EQ(plant->edits[0].new_text, "its");
  EXPECT_EQ(plant->edits[1].old_text, "AA");
}

TEST(Plant, RefusesWhatItDoesNotKnow) {
  const std::string text(good);
  EXPECT_EQ(refusal(text + "storry: \"x\""),
            "line 8: storry: no such field; a plant has id, class, expect, story, kind, scenario, "
            "edit");
  EXPECT_EQ(refusal(text + "id: \"twice\""), "line 8: id: it stands twice");
  EXPECT_EQ(refusal("id: \"a\" kind: EXPR class: EASY"), "'edit' is missing");
  EXPECT_EQ(refusal("id: \"a"), "line 1: a string has no end");
  EXPECT_EQ(refusal("class: HEAVY"),
            "line 1: class: one of EASY, MEDIUM, HARD, CONTROL, not HEAVY");
  EXPECT_EQ(refusal("edit { file: \"../x\" old: \"a\" new: \"b\" }"),
            "line 1: edit: the file is named from the root of the tree");
  EXPECT_EQ(refusal("edit { file: \"x\" }"), "line 1: edit: 'old' is missing");
}

// What an edit becomes, in a text of which `@` is the place.
Form form(std::string_view around, PlantKind kind, const Edit& edit) {
  std::string text(around);
  text.replace(text.find('@'), 1, edit.old_text);
  return graft_of(1, kind, edit, text).form;
}

TEST(Graft, AnExpressionIsGraftedWhereParenthesesChangeNothing) {
  using enum Form;
  const auto expr = PlantKind::expression;
  EXPECT_EQ(form("if (@) {", expr, edit("a < b", "a <= b")), pure);
  EXPECT_EQ(form("x = @;", expr, edit("base + (n - 1)", "base + n")), pure);
  EXPECT_EQ(form("return @;", expr, edit("a && b", "a")), pure);
  EXPECT_EQ(form("if (x && @) {", expr, edit("a < b", "true")), pure);
  EXPECT_EQ(form("template <class @> {", expr, edit("A", "B")), replacement);
  EXPECT_EQ(form("x = @;", expr, edit("a ? b : c", "b")), pure);
}

// The piece that is put in parentheses, of a text of which `@` is the place.
std::string piece(std::string_view around, const Edit& edit) {
  std::string text(around);
  text.replace(text.find('@'), 1, edit.old_text);
  const Graft graft = graft_of(1, PlantKind::expression, edit, text);
  return std::string(name_of(graft.form)) + ": " + graft.old_text + " -> " + graft.new_text;
}

TEST(Graft, WhatBindsTighterThanItsNeighboursIsTakenAlong) {
  EXPECT_EQ(piece("x = y - @;", edit("z - 1", "z")), "EXPR: y - z - 1 -> y - z");
  EXPECT_EQ(piece("x = @ * 2;", edit("z", "z - 1")), "EXPR: z * 2 -> z - 1 * 2");
  EXPECT_EQ(piece("if (!@) {", edit("a == b", "a")), "EXPR: !a == b -> !a");
  EXPECT_EQ(piece("x = a.@;", edit("front()", "back()")), "EXPR: a.front() -> a.back()");
  EXPECT_EQ(piece("x = @.size();", edit("a", "b")), "EXPR: a.size() -> b.size()");
  EXPECT_EQ(piece("@", edit("if (row.until > at && more) {", "if (row.until < at && more) {")),
            "EXPR: row.until > at -> row.until < at");
}

TEST(Graft, BothSidesAreEvaluatedOnlyIfNeitherHasEffects) {
  const auto expr = PlantKind::expression;
  EXPECT_EQ(form("f(@);", expr, edit("queue.pop()", "queue.back()")), Form::lazy);
  EXPECT_EQ(form("f(@);", PlantKind::statement, edit("a.write(x)", "a.write(y)")), Form::lazy);
}

TEST(Graft, AStatementIsGraftedUnlessItDeclares) {
  using enum Form;
  const auto stmt = PlantKind::statement;
  EXPECT_EQ(form("{ @ }", stmt, edit("x.clear();", "")), branch);
  EXPECT_EQ(form("{ @ }", stmt, edit("if (a) return b;", "")), branch);
  EXPECT_EQ(form("{ @ }", stmt, edit("a = b; c = d * e;", "c = d;")), branch);
  EXPECT_EQ(form("{ @ }", stmt, edit("return Foo{.a = 1};", "return Foo{};")), lazy);
  EXPECT_EQ(form("{ @ }", stmt, edit("TRY(x, f());", "")), replacement);
  EXPECT_EQ(form("{ @ }", stmt, edit("const auto x = 1;", "const auto y = 1;")), replacement);
  EXPECT_EQ(form("{ @ }", stmt, edit("Lsn x = 1;", "Lsn y = 1;")), replacement);
  EXPECT_EQ(form("{ @ }", stmt, edit("const auto x = 1;", "const auto x = 2;")), lazy);
  EXPECT_EQ(form("{ @ }", stmt, edit("std::vector<int> x;", "")), replacement);
  EXPECT_EQ(form("{ @ else b(); }", stmt, edit("if (x) { }", "")), replacement);
  EXPECT_EQ(form("{ x + @ }", stmt, edit("f();", "g();")), lazy);
}

// In front of a label nothing is run: counting there would say "never reached".
TEST(Graft, AReplacementIsCountedOnlyWhereAStatementMayStand) {
  const std::string text = "switch (x) { case a: f(); break; case b: g(); }";
  EXPECT_TRUE(may_be_counted(edit("f();", ""), "if (x) { f(); }"));
  EXPECT_FALSE(may_be_counted(edit("case b: g();", "case b: h();"), text));
  EXPECT_FALSE(may_be_counted(edit("x) {", "y) {"), text));
}

TEST(Graft, ManyStandInOneText) {
  const Graft one = {.number = 1, .form = Form::pure, .at = 2, .old_text = "1", .new_text = "3"};
  const Graft two = {.number = 2, .form = Form::branch, .at = 6, .old_text = "b(2);"};
  EXPECT_EQ(planted("a(1); b(2);", {two, one}, "/x/a.cpp"),
            "#line 1 \"/x/a.cpp\"\n"
            "a((::planted::on(1) ? (::planted::note((1), (3)), (3)) : (1))); "
            "if (::planted::on(2)) { \n} else { b(2);\n}");
  EXPECT_FALSE(overlap(one, two));
  EXPECT_TRUE(overlap(two, {.at = 10, .old_text = ";"}));
}

TEST(ExamResult, AMissIsClassed) {
  PlantResult result = {.verdict = Verdict::missed, .counted = true};
  EXPECT_EQ(result.gap(), "workload gap");
  result.reached = 7;
  EXPECT_EQ(result.gap(), "fault gap");
  result.mattered = 1;
  EXPECT_EQ(result.gap(), "checker gap");
}

TEST(ExamResult, AnExpectationNamesACheckOrWhatItStandsFor) {
  EXPECT_TRUE(answers_to("acked-is-durable", "acked-is-durable"));
  EXPECT_TRUE(answers_to("acked-is-durable", "LOG-6/2"));
  EXPECT_TRUE(answers_to("liveness.stuck", "LIVE-1 (flap), LIVE-3"));
  EXPECT_FALSE(answers_to("exactly-once", "LOG-2"));
}

}  // namespace
}  // namespace perdure::sim::exam
