#include "engine/invoker/request.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace perdure::invoker {
namespace {

// A head that a stranger set must not be kept in full.
constexpr std::size_t shown_bytes_max = 200;

template <class Int>
std::optional<Int> number(std::string_view text) {
  Int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "Wed, 21 Oct 2015 07:28:00 GMT" as HTTP has it, or " +0000" as mail has it.
std::optional<WallTime> parse_http_date(std::string_view text) {
  static constexpr std::array<std::string_view, 12> months = {
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  if (text.size() < 29 || text.substr(3, 2) != ", ") return {};
  if (text.substr(25) != " GMT" && text.substr(25) != " +0000") return {};
  const auto month = std::ranges::find(months, text.substr(8, 3));
  const auto day = number<unsigned>(text.substr(5, 2));
  const auto year = number<int>(text.substr(12, 4));
  const auto hour = number<unsigned>(text.substr(17, 2));
  const auto minute = number<unsigned>(text.substr(20, 2));
  const auto second = number<unsigned>(text.substr(23, 2));
  if (month == months.end() || !day || !year || !hour || !minute || !second) return {};
  const std::chrono::year_month_day date(
      std::chrono::year(*year),
      std::chrono::month(static_cast<unsigned>(month - months.begin()) + 1),
      std::chrono::day(*day));
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return {};
  return WallTime(std::chrono::sys_days(date)) + std::chrono::hours(*hour) +
         std::chrono::minutes(*minute) + std::chrono::seconds(*second);
}

// W3C trace context, version 00, and the caller said "sampled".
bool is_sampled(std::string_view traceparent) {
  if (traceparent.size() != 55 || !traceparent.starts_with("00-")) return false;
  const char flags = traceparent.back();
  const int digit = flags >= '0' && flags <= '9' ? flags - '0' : flags - 'a' + 10;
  return (digit & 1) != 0;
}

std::string shown(std::string_view text) { return std::string(text.substr(0, shown_bytes_max)); }

AttemptFailure status_failure(const io::Response& response, WallTime now) {
  const std::string what =
      "the deployment answered with HTTP status " + std::to_string(response.status);
  switch (response.status) {
    case 502:
    case 504: return failure("RT0010", what);
    case 429:
    case 503: {
      AttemptFailure limited = failure("RT0023", what);
      const std::string* after = io::find_header(response.headers, "retry-after");
      if (after) limited.next_retry_delay = parse_retry_after(*after, now);
      return limited;
    }
    case 413: return failure("RT0019", what);
    case 415: {
      AttemptFailure unknown =
          uncounted("RT0015", what + ": it does not know this protocol version");
      return unknown;
    }
    default: return failure("RT0012", what);
  }
}

}  // namespace

std::string content_type_of(std::uint32_t version) {
  return "application/vnd.restate.invocation.v" + std::to_string(version);
}

std::string url_encode(std::string_view text) {
  static constexpr std::string_view digits = "0123456789ABCDEF";
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '~';
  };
  std::string out;
  for (const char c : text) {
    if (plain(c)) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(digits[byte >> 4]);
    out.push_back(digits[byte & 15]);
  }
  return out;
}

Result<Address> parse_address(std::string_view uri) {
  const std::size_t colon = uri.find("://");
  if (colon == std::string_view::npos) return fail(Code::invalid, "address has no scheme");
  const std::string_view rest = uri.substr(colon + 3);
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  Address address{.scheme = uri.substr(0, colon),
                  .authority = rest.substr(0, slash),
                  .path = rest.substr(slash)};
  while (address.path.ends_with('/')) address.path.remove_suffix(1);
  if (address.authority.empty()) return fail(Code::invalid, "address has no host");
  return address;
}

Result<OutgoingRequest> request_for(const RequestPlan& plan) {
  TRY(address, parse_address(plan.deployment.uri));
  const std::string type = content_type_of(plan.version);
  io::Headers headers = {
      {"content-type", type}, {"accept", type}, {"x-restate-invocation-id", plan.id.text()}};
  headers.reserve(headers.size() + 3 + plan.additional.size() +
                  plan.deployment.additional_headers.size());
  if (plan.target.service_type != wire::ServiceType::service) {
    headers.push_back({"x-restate-service-key", url_encode(plan.target.key)});
  }
  if (is_sampled(plan.traceparent)) {
    headers.push_back({"traceparent", std::string(plan.traceparent)});
  }
  headers.insert(headers.end(), plan.additional.begin(), plan.additional.end());
  for (const wire::KeyValue& header : plan.deployment.additional_headers) {
    headers.push_back({header.key, header.value});
  }
  std::string path;
  path.append(address.path)
      .append("/invoke/")
      .append(plan.target.service)
      .append("/")
      .append(plan.target.handler);
  const bool http1 = plan.deployment.http == wire::UsedHttp::http1;
  return OutgoingRequest{
      .target = {.scheme = std::string(address.scheme),
                 .authority = std::string(address.authority),
                 .version = http1 ? io::HttpVersion::http1 : io::HttpVersion::http2},
      .request = {.method = "POST",
                  .target = std::move(path),
                  .authority = std::string(address.authority),
                  .headers = std::move(headers)}};
}

std::optional<AttemptFailure> judge(const io::Response& response, std::uint32_t version,
                                    WallTime now) {
  if (response.status < 200 || response.status > 299) return status_failure(response, now);
  const std::string* type = io::find_header(response.headers, "content-type");
  const std::string wanted = content_type_of(version);
  if (!type) return failure("RT0012", "the deployment's answer has no content-type");
  if (*type == wanted) return {};
  return failure("RT0012", "the deployment answered with content-type '" + shown(*type) +
                               "', expected '" + wanted + "'");
}

std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view text, WallTime now) {
  constexpr std::int64_t longest_s = 366 * 24 * 3600;
  if (const auto seconds = number<std::uint32_t>(text)) {
    return std::chrono::seconds(std::min<std::int64_t>(*seconds, longest_s));
  }
  const std::optional<WallTime> at = parse_http_date(text);
  if (!at) return std::nullopt;
  return std::max(*at - now, std::chrono::milliseconds(0));
}

}  // namespace perdure::invoker
