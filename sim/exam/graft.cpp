#include "sim/exam/graft.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <regex>

namespace perdure::sim::exam {

namespace {

bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }
bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// Words, operators and literals of C++, well enough to see what binds to what.
std::vector<std::string_view> tokens_of(std::string_view text) {
  static constexpr std::array operators = {
      std::string_view("<=>"), std::string_view("<<="), std::string_view(">>="),
      std::string_view("->"),  std::string_view("::"),  std::string_view("<<"),
      std::string_view("<="),  std::string_view(">="),  std::string_view("=="),
      std::string_view("!="),  std::string_view("&&"),  std::string_view("||"),
      std::string_view("++"),  std::string_view("--"),  std::string_view("+="),
      std::string_view("-="),  std::string_view("*="),  std::string_view("/="),
      std::string_view("|="),  std::string_view("&="),  std::string_view("^="),
      std::string_view("%=")};
  std::vector<std::string_view> tokens;
  std::size_t at = 0;
  const auto take = [&](std::size_t size) {
    tokens.push_back(text.substr(at, size));
    at += size;
  };
  while (at < text.size()) {
    const char c = text[at];
    if (is_space(c)) {
      ++at;
    } else if (text.substr(at, 2) == "//") {
      at = std::min(text.find('\n', at), text.size());
    } else if (is_word(c)) {
      std::size_t end = at;
      while (end < text.size() && (is_word(text[end]) || text[end] == '\'')) ++end;
      take(end - at);
    } else if (c == '"' || c == '\'') {
      std::size_t end = at + 1;
      while (end < text.size() && text[end] != c) end += text[end] == '\\' ? 2 : 1;
      take(std::min(end + 1, text.size()) - at);
    } else {
      const auto longest = std::ranges::find_if(
          operators, [&](std::string_view op) { return text.substr(at).starts_with(op); });
      take(longest != operators.end() ? longest->size() : 1);
    }
  }
  return tokens;
}

// How tightly a binary operator binds; 0 for what separates, nothing for what is part
// of a primary expression.
std::optional<int> binding(std::string_view token) {
  static constexpr std::array separators = {
      std::string_view("("),  std::string_view(")"),  std::string_view("["),
      std::string_view("]"),  std::string_view("{"),  std::string_view("}"),
      std::string_view(","),  std::string_view(";"),  std::string_view("?"),
      std::string_view(":"),  std::string_view("="),  std::string_view("return"),
      std::string_view("+="), std::string_view("-="), std::string_view("*="),
      std::string_view("|="), std::string_view("&="), std::string_view("")};
  if (std::ranges::find(separators, token) != separators.end()) return 0;
  if (token == "||") return 1;
  if (token == "&&") return 2;
  if (token == "|") return 3;
  if (token == "^") return 4;
  if (token == "&") return 5;
  if (token == "==" || token == "!=") return 6;
  if (token == "<" || token == ">" || token == "<=" || token == ">=" || token == "<=>") return 7;
  if (token == "<<" || token == ">>") return 8;
  if (token == "+" || token == "-") return 9;
  if (token == "*" || token == "/" || token == "%") return 10;
  return std::nullopt;
}

constexpr int primary = 100;

bool is_one_of(std::string_view token, std::initializer_list<std::string_view> all) {
  return std::ranges::find(all, token) != all.end();
}
bool opens(std::string_view token) { return is_one_of(token, {"(", "[", "{"}); }
bool closes(std::string_view token) { return is_one_of(token, {")", "]", "}"}); }
bool is_prefix(std::string_view token) {
  return is_one_of(token, {"!", "~", "-", "+", "*", "&", "++", "--"});
}
// A word, a literal, or the end of a call: what an operator would follow.
bool ends_operand(std::string_view token) {
  if (token.empty() || is_one_of(token, {"return", "case", "co_return", "throw"})) return false;
  return is_word(token.back()) || token.back() == '"' || token.back() == '\'' || closes(token);
}
bool begins_operand(std::string_view token) {
  return is_word(token.front()) || token.front() == '"' || token.front() == '\'' || opens(token);
}

// Of the operators outside of every bracket, how tightly the loosest binds; nothing if
// the text is not one expression.
std::optional<int> loosest(std::string_view text) {
  const auto tokens = tokens_of(text);
  if (tokens.empty() || tokens.front() == "{" || !ends_operand(tokens.back())) return std::nullopt;
  if (!begins_operand(tokens.front()) && !is_prefix(tokens.front())) return std::nullopt;
  int depth = 0, loosest = primary;
  std::string_view last;  // outside of brackets
  for (const std::string_view token : tokens) {
    if (closes(token) && --depth < 0) return std::nullopt;
    if (depth == 0 && !closes(token)) {
      if (is_one_of(token,
                    {"if",     "else",   "for",      "while",    "do",    "switch", "case",
                     "return", "break",  "continue", "const",    "auto",  "static", "constexpr",
                     "using",  "struct", "class",    "template", "throw", "TRY",    "TRY_VOID"})) {
        return std::nullopt;
      }
      // Two operands in a row are a declaration or worse.
      const bool operand_before = ends_operand(last);
      if (operand_before && begins_operand(token) && !opens(token)) return std::nullopt;
      const auto binds = opens(token) ? std::nullopt : binding(token);
      if (is_one_of(token, {"?", ":"})) {
        loosest = 0;
      } else if (binds && *binds == 0) {
        return std::nullopt;  // a separator, an assignment
      }
      if (binds && operand_before) loosest = std::min(loosest, *binds);
      if (!operand_before && is_prefix(token)) loosest = std::min(loosest, 20);
    }
    if (depth == 0) last = token;
    if (opens(token)) ++depth;
  }
  if (depth != 0) return std::nullopt;
  return loosest;
}

std::string_view last_token(std::string_view before) {
  // The last lines will do, and no comment of theirs counts.
  std::size_t from = before.size();
  for (int lines = 0; lines < 4 && from > 0; ++lines) {
    const std::size_t line = before.rfind('\n', from - 1);
    from = line == before.npos ? 0 : line;
  }
  const auto tokens = tokens_of(before.substr(from));
  return tokens.empty() ? std::string_view() : tokens.back();
}

std::string_view first_token(std::string_view after) {
  const auto tokens = tokens_of(after.substr(0, 400));
  return tokens.empty() ? std::string_view() : tokens.front();
}

// Whether both texts can be put in parentheses there without a change of meaning.
bool stands_alone(const Edit& edit, std::string_view before, std::string_view after) {
  if (!before.empty() && is_word(before.back()) && is_word(edit.old_text.front())) return false;
  if (!after.empty() && is_word(after.front()) && is_word(edit.old_text.back())) return false;
  const std::string_view left = last_token(before), right = first_token(after);
  const auto binds_left = binding(left);
  // What follows may not be part of the operand: a call, a member, a subscript.
  if (right == "(" || right == "[" || right == "{") return false;
  if (ends_operand(left)) return false;
  const auto binds_right = binding(right);
  if (!binds_left || !binds_right) return false;
  if (trimmed(edit.old_text).empty() || trimmed(edit.new_text).empty()) return false;
  for (const std::string& text : {edit.old_text, edit.new_text}) {
    const auto binds = loosest(text);
    if (!binds) return false;
    const bool enclosed = is_one_of(left, {"(", "[", "{", ",", "=", "return", ";"}) &&
                          is_one_of(right, {")", "]", "}", ",", ";"});
    if (*binds == 0 && enclosed) continue;  // a conditional, alone
    if (*binds <= *binds_left || *binds < *binds_right) return false;
    // A prefix operator would take it before the binary one does.
    if (*binds < primary && (left == "*" || left == "&" || left == "-" || left == "+"))
      return false;
  }
  return true;
}

bool has_effects(std::string_view text) {
  static const std::regex effect(
      R"((\+\+|--|\bco_await\b|\bnew\b|\bdelete\b|\bstd::(move|exchange|swap)\b)"
      R"(|\b(push|pop|erase|clear|insert|emplace|append|assign|reset|release|take|remove|add|set)"
      R"(|put|write|sync|send|wake|notify|start|stop|close|open|finish|respond|propose|draw|next)"
      R"(|store|call|read|wait|sleep|join|cancel|trim|seal|drop|apply|run|begin|end_)\w*\())");
  return std::regex_search(text.begin(), text.end(), effect);
}

bool balanced(std::string_view text) {
  int depth = 0;
  for (const std::string_view token : tokens_of(text)) {
    if (token == "(" || token == "[" || token == "{") ++depth;
    if (token == ")" || token == "]" || token == "}") {
      if (--depth < 0) return false;
    }
  }
  return depth == 0;
}

// Two words in a row at the beginning of a statement (`Lsn next`, `Row& row`), `auto`,
// `const` or TRY anywhere outside of brackets: a name may be declared that is used later.
bool declares(std::string_view text) {
  static constexpr std::array verbs = {
      std::string_view("return"), std::string_view("throw"),  std::string_view("else"),
      std::string_view("new"),    std::string_view("delete"), std::string_view("goto"),
      std::string_view("do"),     std::string_view("case"),   std::string_view("co_return")};
  static constexpr std::array declarators = {
      std::string_view("TRY"),   std::string_view("auto"),   std::string_view("using"),
      std::string_view("const"), std::string_view("static"), std::string_view("constexpr")};
  int depth = 0;
  bool only_a_type = true;  // so far, in this statement
  std::string_view last;    // word of it
  for (const std::string_view token : tokens_of(text)) {
    const bool opens = token == "(" || token == "[" || token == "{";
    const bool closes = token == ")" || token == "]" || token == "}";
    if (depth == 0 && !closes) {
      if (std::ranges::find(declarators, token) != declarators.end()) return true;
      const bool word =
          is_word(token.front()) && std::isdigit(static_cast<unsigned char>(token.front())) == 0;
      const bool verb = std::ranges::find(verbs, token) != verbs.end();
      if (token == ";") {
        only_a_type = true;
        last = {};
      } else if (word && !verb) {
        if (only_a_type && !last.empty()) return true;
        last = token;
      } else if (token == "::") {
        last = {};  // a qualified name is one word
      } else if (token != "<" && token != ">" && token != "&" && token != "*" && token != ",") {
        only_a_type = false;
      }
    }
    if (opens) ++depth;
    if (closes) {
      --depth;
      if (token == "}" && depth == 0) {
        only_a_type = true;
        last = {};
      }
    }
  }
  return false;
}

bool ends_as_statement(std::string_view text) {
  text = trimmed(text);
  return text.empty() || text.back() == ';' || text.back() == '}';
}

// Behind a statement, a brace, or the head of an `if` or a loop.
bool begins_statement(std::string_view before) {
  std::size_t from = before.size();
  for (int lines = 0; lines < 8 && from > 0; ++lines) {
    const std::size_t line = before.rfind('\n', from - 1);
    from = line == before.npos ? 0 : line;
  }
  const auto tokens = tokens_of(before.substr(from));
  if (tokens.empty()) return false;
  const std::string_view left = tokens.back();
  if (left == ";" || left == "{" || left == "}" || left == "else") return true;
  if (left != ")") return false;
  int depth = 0;
  for (std::size_t i = tokens.size(); i-- > 0;) {
    if (closes(tokens[i])) ++depth;
    if (!opens(tokens[i]) || --depth > 0) continue;
    return i > 0 && is_one_of(tokens[i - 1], {"if", "for", "while", "switch"});
  }
  return false;
}

bool is_statement(const Edit& edit, std::string_view before, std::string_view after) {
  const std::string_view old_text = trimmed(edit.old_text);
  if (old_text.empty() || old_text.front() == ';' || old_text.front() == '}') return false;
  for (const std::string_view text : {old_text, trimmed(edit.new_text)}) {
    const auto tokens = tokens_of(text.substr(0, 40));
    if (!tokens.empty() && is_one_of(tokens.front(), {"else", "case", "}"})) return false;
  }
  if (!ends_as_statement(edit.old_text) || !ends_as_statement(edit.new_text)) return false;
  if (!balanced(edit.old_text) || !balanced(edit.new_text)) return false;
  if (!begins_statement(before)) return false;
  const std::string_view right = first_token(after);
  if (right == "else" || right == "catch" || right == ";" || right == ",") return false;
  return !declares(edit.old_text) && !declares(edit.new_text);
}

}  // namespace

std::string_view name_of(Form form) {
  switch (form) {
    case Form::pure: return "EXPR";
    case Form::lazy: return "EXPR with effects";
    case Form::branch: return "STMT";
    case Form::replacement: return "PATCH";
  }
  return "?";
}

namespace {

Form form_of(PlantKind kind, const Edit& edit, std::string_view before, std::string_view after) {
  if (is_statement(edit, before, after)) return Form::branch;
  if (!stands_alone(edit, before, after)) return Form::replacement;
  const bool pure =
      kind == PlantKind::expression && !has_effects(edit.old_text) && !has_effects(edit.new_text);
  return pure ? Form::pure : Form::lazy;
}

// Where tokens begin and end, near a place.
struct Cuts {
  std::vector<std::size_t> left, right;  // nearest first; the place's own edges are first
};
Cuts cuts_around(std::string_view text, std::size_t begin, std::size_t end) {
  constexpr std::size_t most = 90;
  Cuts cuts = {.left = {begin}, .right = {end}};
  std::size_t line = begin;  // tokens are only surely right from the start of a line on
  for (int lines = 0; lines < 8 && line > 0; ++lines) {
    const std::size_t before = text.rfind('\n', line - 1);
    line = before == text.npos ? 0 : before;
    if (line == 0) break;
  }
  const auto before = tokens_of(text.substr(line, begin - line));
  for (auto token = before.rbegin(); token != before.rend() && cuts.left.size() < most; ++token) {
    cuts.left.push_back(static_cast<std::size_t>(token->data() - text.data()));
  }
  for (const std::string_view token : tokens_of(text.substr(end, 4000))) {
    if (cuts.right.size() >= most) break;
    cuts.right.push_back(static_cast<std::size_t>(token.data() - text.data()) + token.size());
  }
  return cuts;
}

// What is common to both ends of old and new, in whole tokens.
struct Common {
  std::size_t front = 0, back = 0;  // bytes
};
Common common_of(const Edit& edit) {
  const auto olds = tokens_of(edit.old_text), news = tokens_of(edit.new_text);
  std::size_t front = 0;
  const std::size_t least = std::min(olds.size(), news.size());
  while (front < least && olds[front] == news[front]) ++front;
  std::size_t back = 0;
  while (back < least - front && olds[olds.size() - 1 - back] == news[news.size() - 1 - back]) {
    ++back;
  }
  // Bytes only as far as both texts have the very same.
  Common common;
  if (front > 0) {
    const auto in_old = static_cast<std::size_t>(olds[front - 1].data() + olds[front - 1].size() -
                                                 edit.old_text.data());
    if (std::string_view(edit.new_text)
            .starts_with(std::string_view(edit.old_text).substr(0, in_old)))
      common.front = in_old;
  }
  if (back > 0) {
    const auto from =
        static_cast<std::size_t>(olds[olds.size() - back].data() - edit.old_text.data());
    const std::string_view tail = std::string_view(edit.old_text).substr(from);
    if (std::string_view(edit.new_text).substr(common.front).ends_with(tail))
      common.back = tail.size();
  }
  return common;
}

int rank(Form form) { return static_cast<int>(form); }

}  // namespace

Graft replacement_of(std::uint32_t number, const Edit& edit, std::string_view text) {
  return {.number = number,
          .at = text.find(edit.old_text),
          .old_text = edit.old_text,
          .new_text = edit.new_text};
}

Graft graft_of(std::uint32_t number, PlantKind kind, const Edit& edit, std::string_view text) {
  Graft best = replacement_of(number, edit, text);
  if (kind == PlantKind::patch) return best;
  const Common common = common_of(edit);
  const std::size_t begin = best.at + common.front, end = best.end() - common.back;
  const std::string middle =
      edit.new_text.substr(common.front, edit.new_text.size() - common.front - common.back);
  const Cuts cuts = cuts_around(text, begin, end);
  // The smallest piece wins, but one whose two sides can be compared comes before all.
  for (std::size_t more = 0; more < cuts.left.size() + cuts.right.size(); ++more) {
    for (std::size_t left = 0; left <= more && left < cuts.left.size(); ++left) {
      const std::size_t right = more - left;
      if (right >= cuts.right.size()) continue;
      const std::size_t from = cuts.left[left], to = cuts.right[right];
      Edit piece = {.file = edit.file,
                    .old_text = std::string(text.substr(from, to - from)),
                    .new_text = std::string(text.substr(from, begin - from)) + middle +
                                std::string(text.substr(end, to - end))};
      if (piece.old_text.empty()) continue;
      const Form form = form_of(kind, piece, text.substr(0, from), text.substr(to));
      if (rank(form) >= rank(best.form)) continue;
      best.form = form;
      best.at = from;
      best.old_text = std::move(piece.old_text);
      best.new_text = std::move(piece.new_text);
      if (form == Form::pure) return best;
    }
    // Far from what differs, both sides hardly ever differ as a whole.
    if (best.form != Form::replacement && more > 24) return best;
  }
  return best;
}

bool overlap(const Graft& one, const Graft& other) {
  return one.at < other.end() && other.at < one.end();
}

std::string planted(std::string_view text, std::vector<Graft> grafts,
                    std::string_view original_path) {
  std::ranges::sort(grafts, {}, &Graft::at);
  std::string result = fmt::format("#line 1 \"{}\"\n", original_path);
  std::size_t done = 0;
  for (const Graft& graft : grafts) {
    result += text.substr(done, graft.at - done);
    const std::uint32_t n = graft.number;
    const std::string& was = graft.old_text;
    const std::string& is = graft.new_text;
    switch (graft.form) {
      case Form::pure:
        result += fmt::format(
            "(::planted::on({0}) ? (::planted::note(({1}), ({2})), ({2})) : ({1}))", n, was, is);
        break;
      case Form::lazy:
        result += fmt::format("(::planted::on({}) ? ({}) : ({}))", n, is, was);
        break;
      case Form::branch:
        // Line ends, since either text may end in a comment.
        result += fmt::format("if (::planted::on({})) {{ {}\n}} else {{ {}\n}}", n, is, was);
        break;
      case Form::replacement: result += is; break;
    }
    done = graft.end();
  }
  result += text.substr(done);
  return result;
}

bool may_be_counted(const Edit& edit, std::string_view text) {
  const std::string_view left = last_token(text.substr(0, text.find(edit.old_text)));
  if (left != ";" && left != "{" && left != "}") return false;
  // Behind a jump, and before a label, nothing is run.
  const std::string_view first = trimmed(edit.old_text);
  if (first.starts_with("case ") || first.starts_with("default:")) return false;
  return !trimmed(edit.old_text).empty() && trimmed(edit.old_text).front() != '}' &&
         (trimmed(edit.new_text).empty() || trimmed(edit.new_text).front() != '}');
}

std::string counted_replacement(std::uint32_t number, std::string_view new_text) {
  return fmt::format("(void)::planted::on({}); {}", number, new_text);
}

}  // namespace perdure::sim::exam
