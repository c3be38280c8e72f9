#include "engine/control/discovery.h"

#include <algorithm>
#include <array>

namespace perdure::control {
namespace {

constexpr std::array<std::string_view, 4> manifest_types = {
    "application/vnd.restate.endpointmanifest.v1+json",
    "application/vnd.restate.endpointmanifest.v2+json",
    "application/vnd.restate.endpointmanifest.v3+json",
    "application/vnd.restate.endpointmanifest.v4+json"};

std::string accepted() {
  std::string all;
  for (const std::string_view type : manifest_types) {
    all.append(all.empty() ? "" : ", ").append(type);
  }
  return all;
}

bool may_pass(int status) {
  return status == 408 || status == 429 || status == 500 || (status >= 502 && status <= 504);
}

// These say that they speak newer versions than they do.
bool is_too_old(std::string_view sdk) {
  constexpr std::string_view typescript = "restate-sdk-typescript/1.";
  if (!sdk.starts_with(typescript)) return false;
  const std::string_view minor = sdk.substr(typescript.size());
  return minor.starts_with("0.") || minor.starts_with("1.") || minor.starts_with("2.");
}

struct Parts {
  std::string scheme, authority, path;
};
Parts parts_of(const std::string& uri) {
  const std::size_t colon = uri.find("://");
  CHECK(colon != std::string::npos);  // normalised
  const std::size_t slash = uri.find('/', colon + 3);
  CHECK(slash != std::string::npos);
  return {.scheme = uri.substr(0, colon),
          .authority = uri.substr(colon + 3, slash - colon - 3),
          .path = uri.substr(slash)};
}

}  // namespace

OrSchemaError<Declared> Discovery::discover(const Address& address) {
  Duration pause = options_.pause;
  for (int tried = 1;; ++tried) {
    const Result<Answer> answer = ask(address);
    const bool again = tried < options_.tries && (!answer || may_pass(answer->head.status));
    if (answer && !again) return understand(address, *answer);
    const bool hopeless =
        !answer && (answer.error().code == Code::cancelled || answer.error().code == Code::invalid);
    if (!again || hopeless) {
      std::string why = "error when calling '" + address.uri + "': " + answer.error().detail;
      if (address.http == wire::UsedHttp::http2 && answer.error().code == Code::failed) {
        why += " (a server that speaks HTTP/1.1 only is registered with use_http_11)";
      }
      return refuse(500, "META0003", std::move(why));
    }
    if (!fibers_.sleep_until(fibers_.now() + pause)) {
      return refuse(500, "META0003", "discovery of '" + address.uri + "' was given up");
    }
    pause *= 2;
  }
}

Result<Discovery::Answer> Discovery::ask(const Address& address) {
  const Instant deadline = fibers_.now() + options_.answer_within;
  Parts parts = parts_of(address.uri);
  io::Request request{
      .method = "GET", .target = parts.path + "discover", .authority = parts.authority};
  request.headers.push_back({.name = "accept", .value = accepted()});
  request.headers.push_back({.name = "x-restate-cluster-name", .value = options_.cluster_name});
  for (const wire::KeyValue& header : address.additional_headers) {
    request.headers.push_back({.name = header.key, .value = header.value});
  }
  const io::HttpTarget target{.scheme = std::move(parts.scheme),
                              .authority = std::move(parts.authority),
                              .version = address.http == wire::UsedHttp::http1
                                             ? io::HttpVersion::http1
                                             : io::HttpVersion::http2};
  TRY(call, http_.call(target, std::move(request), deadline));
  call->finish();
  TRY(head, call->response(deadline));
  Answer answer{.head = std::move(head)};
  for (;;) {
    TRY(piece, call->read(deadline));
    if (piece.empty()) return answer;
    if (answer.body.size() + piece.size() > options_.manifest_bytes_max) {
      return fail(Code::invalid, "the manifest is larger than " +
                                     std::to_string(options_.manifest_bytes_max) + " bytes");
    }
    answer.body += piece;
  }
}

OrSchemaError<Declared> Discovery::understand(const Address& address, const Answer& answer) const {
  const int status = answer.head.status;
  if (status < 200 || status > 299) {
    constexpr std::size_t enough = 512;  // of a body, for a person
    std::string why = "got status code '" + std::to_string(status) + "'. ";
    if (status == 404) {
      why +=
          "Make sure the provided URI has the correct path where the Restate SDK endpoint is "
          "mounted. ";
    }
    return refuse(500, "META0003", why + "Body: " + answer.body.substr(0, enough));
  }
  const std::string* type = io::find_header(answer.head.headers, "content-type");
  const std::string expected = "Expected one of '\"" + accepted() + "\"'";
  if (!type) {
    return refuse(500, "META0013",
                  "received a bad response from the SDK: No content type header was specified. " +
                      expected + " content type.");
  }
  if (std::ranges::find(manifest_types, *type) == manifest_types.end()) {
    return refuse(500, "META0013",
                  "received a bad response from the SDK: Bad content type header: \"" + *type +
                      "\". " + expected);
  }
  auto manifest = manifest_from_json(answer.body);
  if (!manifest) return std::unexpected(manifest.error());
  const std::string* sdk = io::find_header(answer.head.headers, "x-restate-server");
  if (sdk && is_too_old(*sdk)) {
    return refuse(
        500, "META0012",
        "unsupported service protocol versions: '" + *sdk +
            "' speaks versions that this runtime does not. Please upgrade the SDK and try "
            "registering again.");
  }
  return Declared{.uri = address.uri,
                  .manifest = std::move(*manifest),
                  .http = address.http,
                  .sdk_version = sdk ? *sdk : std::string(),
                  .additional_headers = address.additional_headers};
}

}  // namespace perdure::control
