#include "engine/wire/time_text.h"

#include <array>
#include <cctype>
#include <optional>

namespace perdure::wire {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
__extension__ using Wide = __int128;

enum class Unit {
  year,
  month,
  week,
  day,
  hour,
  minute,
  second,
  millisecond,
  microsecond,
  nanosecond
};

struct UnitFacts {
  std::string_view name;
  std::int64_t nanos;  // 0: no fixed length
};
constexpr std::array<UnitFacts, 10> unit_facts{{{"year", 0},
                                                {"month", 0},
                                                {"week", 604'800'000'000'000},
                                                {"day", 86'400'000'000'000},
                                                {"hour", 3'600'000'000'000},
                                                {"minute", 60'000'000'000},
                                                {"second", 1'000'000'000},
                                                {"millisecond", 1'000'000},
                                                {"microsecond", 1'000},
                                                {"nanosecond", 1}}};
const UnitFacts& facts(Unit unit) { return unit_facts[static_cast<std::size_t>(unit)]; }

struct Designator {
  std::string_view text;
  Unit unit;
};
// Longer ones first where one begins with another.
constexpr Designator designators[] = {{"nanoseconds", Unit::nanosecond},
                                      {"nanosecond", Unit::nanosecond},
                                      {"nanos", Unit::nanosecond},
                                      {"nano", Unit::nanosecond},
                                      {"nsecs", Unit::nanosecond},
                                      {"nsec", Unit::nanosecond},
                                      {"ns", Unit::nanosecond},
                                      {"microseconds", Unit::microsecond},
                                      {"microsecond", Unit::microsecond},
                                      {"micros", Unit::microsecond},
                                      {"micro", Unit::microsecond},
                                      {"usecs", Unit::microsecond},
                                      {"usec", Unit::microsecond},
                                      {"us", Unit::microsecond},
                                      {"\xC2\xB5s", Unit::microsecond},
                                      {"milliseconds", Unit::millisecond},
                                      {"millisecond", Unit::millisecond},
                                      {"millis", Unit::millisecond},
                                      {"milli", Unit::millisecond},
                                      {"msecs", Unit::millisecond},
                                      {"msec", Unit::millisecond},
                                      {"ms", Unit::millisecond},
                                      {"months", Unit::month},
                                      {"month", Unit::month},
                                      {"mos", Unit::month},
                                      {"mo", Unit::month},
                                      {"minutes", Unit::minute},
                                      {"minute", Unit::minute},
                                      {"mins", Unit::minute},
                                      {"min", Unit::minute},
                                      {"m", Unit::minute},
                                      {"seconds", Unit::second},
                                      {"second", Unit::second},
                                      {"secs", Unit::second},
                                      {"sec", Unit::second},
                                      {"s", Unit::second},
                                      {"hours", Unit::hour},
                                      {"hour", Unit::hour},
                                      {"hrs", Unit::hour},
                                      {"hr", Unit::hour},
                                      {"h", Unit::hour},
                                      {"days", Unit::day},
                                      {"day", Unit::day},
                                      {"d", Unit::day},
                                      {"weeks", Unit::week},
                                      {"week", Unit::week},
                                      {"wks", Unit::week},
                                      {"wk", Unit::week},
                                      {"w", Unit::week},
                                      {"years", Unit::year},
                                      {"year", Unit::year},
                                      {"yrs", Unit::year},
                                      {"yr", Unit::year},
                                      {"y", Unit::year}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

struct Amount {
  Wide whole = 0;
  bool has_fraction = false;
  std::int64_t fraction = 0;  // in 10^-9
};

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool empty() const { return rest_.empty(); }
  char front() const { return rest_.front(); }
  bool at_digit() const { return !empty() && is_digit(front()); }
  std::string_view rest() const { return rest_; }
  bool take(char c) {
    if (empty() || front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool take(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  bool skip_blanks() {
    const std::size_t before = rest_.size();
    while (!empty() && is_blank(front())) rest_.remove_prefix(1);
    return rest_.size() != before;
  }
  // Digits, and a fraction when there is a point.  Beyond 19 digits it stays at "too much".
  Result<Amount> amount() {
    Amount amount;
    while (at_digit()) {
      if (amount.whole <= too_much) amount.whole = amount.whole * 10 + (front() - '0');
      rest_.remove_prefix(1);
    }
    if (!take('.') && !take(',')) return amount;
    if (!at_digit())
      return fail(Code::invalid, "found decimal, but did not find any digits after it");
    amount.has_fraction = true;
    std::int64_t weight = 100'000'000;
    while (at_digit()) {
      amount.fraction += weight * (front() - '0');
      weight /= 10;
      rest_.remove_prefix(1);
    }
    return amount;
  }

 private:
  static constexpr Wide too_much = Wide{1} << 64;
  std::string_view rest_;
};

// Adds up components that must come from large to small.
class Sum {
 public:
  Result<void> add(const Amount& amount, Unit unit) {
    if (last_ && *last_ >= unit) {
      return fail(
          Code::invalid,
          "found value with unit " + std::string(facts(unit).name) + " after unit " +
              std::string(facts(*last_).name) +
              ", but units must be written from largest to smallest (and they can't be repeated)");
    }
    last_ = unit;
    if (facts(unit).nanos == 0) {
      has_calendar_units_ = true;
      return {};
    }
    if (amount.has_fraction && unit < Unit::hour) {
      return fail(Code::invalid,
                  "fractional " + std::string(facts(unit).name) + "s are not supported");
    }
    const Wide nanos = facts(unit).nanos;
    if (amount.whole > nanos_max / nanos) return fail(Code::invalid, "the duration is too large");
    nanos_ += amount.whole * nanos + Wide{amount.fraction} * nanos / 1'000'000'000;
    return {};
  }
  Result<milliseconds> total(bool negative) const {
    if (has_calendar_units_) return fail(Code::invalid, "please use units of days or smaller");
    if (nanos_ > nanos_max) return fail(Code::invalid, "the duration is too large");
    if (negative && nanos_ > 0) {
      return fail(Code::invalid,
                  "negative signed durations cannot be converted to an unsigned duration");
    }
    return milliseconds(static_cast<std::int64_t>((nanos_ + 999'999) / 1'000'000));
  }
  bool empty() const { return !last_; }

 private:
  static constexpr Wide nanos_max = Wide{duration_text_max.count()} * 1'000'000;
  Wide nanos_ = 0;
  std::optional<Unit> last_;
  bool has_calendar_units_ = false;
};

std::optional<Unit> iso_unit(char c, bool in_time) {
  switch (std::toupper(static_cast<unsigned char>(c))) {
    case 'Y': return in_time ? std::nullopt : std::optional(Unit::year);
    case 'M': return in_time ? Unit::minute : Unit::month;
    case 'W': return in_time ? std::nullopt : std::optional(Unit::week);
    case 'D': return in_time ? std::nullopt : std::optional(Unit::day);
    case 'H': return in_time ? std::optional(Unit::hour) : std::nullopt;
    case 'S': return in_time ? std::optional(Unit::second) : std::nullopt;
    default: return std::nullopt;
  }
}

// After the P.
Result<milliseconds> iso(Reader in, bool negative) {
  Sum sum;
  bool in_time = false, time_is_empty = false, ended = false;
  while (!in.empty()) {
    if (!in_time && (in.take('T') || in.take('t'))) {
      in_time = time_is_empty = true;
      continue;
    }
    if (!in.at_digit() || ended) {
      return fail(Code::invalid, "unparsed input \"" + std::string(in.rest()) + "\" remains");
    }
    TRY(amount, in.amount());
    const std::optional<Unit> unit = in.empty() ? std::nullopt : iso_unit(in.front(), in_time);
    if (!unit) {
      std::string why = in_time
                            ? "expected to find time unit designator suffix (`H`, `M` or `S`)"
                            : "expected to find date unit designator suffix (`Y`, `M`, `W` or `D`)";
      if (!in.empty()) why += ", but found `" + std::string(in.rest().substr(0, 1)) + "` instead";
      return fail(Code::invalid, std::move(why));
    }
    in.take(in.front());
    TRY_VOID(sum.add(amount, *unit));
    ended = amount.has_fraction;
    time_is_empty = false;
  }
  if (time_is_empty) {
    return fail(
        Code::invalid,
        "found a time designator (`T` or `t`) in an ISO 8601 duration string, but did not find any "
        "time units");
  }
  if (sum.empty()) return fail(Code::invalid, "no parsed duration components");
  return sum.total(negative);
}

// HH:MM:SS, the hours already read.
Result<void> clock_face(Reader& in, const Amount& hours, Sum& sum) {
  TRY_VOID(sum.add(hours, Unit::hour));
  for (const Unit unit : {Unit::minute, Unit::second}) {
    if (unit == Unit::second && !in.take(':')) break;
    if (!in.at_digit()) return fail(Code::invalid, "expected two digits after `:`");
    TRY(amount, in.amount());
    if (amount.whole > 59) return fail(Code::invalid, "expected two digits below 60 after `:`");
    TRY_VOID(sum.add(amount, unit));
  }
  return {};
}

Result<void> after_comma(Reader& in) {
  if (!in.take(',')) return {};
  if (in.empty())
    return fail(Code::invalid, "expected whitespace after comma, but found end of input");
  if (in.skip_blanks()) return {};
  return fail(Code::invalid, "expected whitespace after comma, but found `" +
                                 std::string(in.rest().substr(0, 1)) + "`");
}

Result<milliseconds> friendly_parts(Reader in, bool negative) {
  if (!in.at_digit()) {
    return fail(
        Code::invalid,
        "expected duration to start with a unit value (a decimal integer) after an optional sign, "
        "but no integer was found");
  }
  Sum sum;
  bool ended = false;
  while (in.at_digit() && !ended) {
    TRY(amount, in.amount());
    if (sum.empty() && !amount.has_fraction && in.take(':')) {
      TRY_VOID(clock_face(in, amount, sum));
      break;
    }
    in.skip_blanks();
    const Designator* found = nullptr;
    for (const Designator& one : designators) {
      if (in.take(one.text)) {
        found = &one;
        break;
      }
    }
    if (!found) {
      return fail(Code::invalid,
                  "expected to find unit designator suffix (e.g., `years` or `secs`) after parsing "
                  "integer");
    }
    TRY_VOID(sum.add(amount, found->unit));
    ended = amount.has_fraction;
    TRY_VOID(after_comma(in));
    in.skip_blanks();
  }
  if (in.take("ago")) negative = true;
  in.skip_blanks();
  if (!in.empty()) {
    return fail(Code::invalid, "unparsed input \"" + std::string(in.rest()) +
                                   "\" remains (expected no unparsed input)");
  }
  return sum.total(negative);
}

}  // namespace

Result<milliseconds> duration_from_text(std::string_view text) {
  if (text.empty()) {
    return fail(
        Code::invalid,
        "an empty string is not a valid duration in either the ISO 8601 format or the \"friendly\" "
        "format");
  }
  Reader in(text);
  bool negative = in.take('-');
  if (!negative) in.take('+');
  if (in.take('P') || in.take('p')) return iso(in, negative);
  Result<milliseconds> parsed = friendly_parts(in, negative);
  if (parsed || parsed.error().detail.starts_with("please") ||
      parsed.error().detail.starts_with("negative")) {
    return parsed;
  }
  return fail(Code::invalid, "failed to parse input in the \"friendly\" duration format: " +
                                 parsed.error().detail);
}

std::string duration_text(milliseconds span) {
  struct Step {
    std::int64_t millis;
    std::string_view suffix;
  };
  constexpr Step steps[] = {
      {86'400'000, "d"}, {3'600'000, "h"}, {60'000, "m"}, {1'000, "s"}, {1, "ms"}};
  std::string text;
  std::int64_t left = span.count();
  for (const Step& step : steps) {
    if (left < step.millis) continue;
    if (!text.empty()) text += ' ';
    text.append(std::to_string(left / step.millis)).append(step.suffix);
    left %= step.millis;
  }
  return text.empty() ? "0s" : text;
}

namespace {
void put_number(std::string& out, std::int64_t number, int width) {
  const std::size_t at = out.size();
  out.append(static_cast<std::size_t>(width), '0');
  for (int i = width; i-- > 0; number /= 10) {
    out[at + static_cast<std::size_t>(i)] = static_cast<char>('0' + number % 10);
  }
}
}  // namespace

std::string instant_text(WallTime at, int digits, std::string_view zone) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(at - day);
  std::string text;
  text.reserve(36);
  put_number(text, static_cast<int>(date.year()), 4);
  put_number(text += '-', static_cast<unsigned>(date.month()), 2);
  put_number(text += '-', static_cast<unsigned>(date.day()), 2);
  put_number(text += 'T', time.hours().count(), 2);
  put_number(text += ':', time.minutes().count(), 2);
  put_number(text += ':', time.seconds().count(), 2);
  if (digits > 0) {
    std::string fraction;
    put_number(fraction, time.subseconds().count(), 3);
    fraction.resize(static_cast<std::size_t>(digits), '0');
    text.append(".").append(fraction);
  }
  return text.append(zone);
}

}  // namespace perdure::wire
