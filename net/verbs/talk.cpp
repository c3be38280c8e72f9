#include "net/verbs/talk.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "engine/wire/json.h"
#include "net/secret.h"

namespace perdure::net {

using Json = nlohmann::json;

int complain(const std::string& what, int code) {
  std::fprintf(stderr, "perdure: %s\n", what.c_str());
  return code;
}

std::string reason(const Answer& answer) {
  const Result<Json> body = wire::json_from_text<Json>(answer.body);
  if (body && body->is_object() && body->contains("message") && (*body)["message"].is_string()) {
    return (*body)["message"].get<std::string>();
  }
  return "HTTP status " + std::to_string(answer.status);
}

void take_tls(CLI::App* verb, TlsFiles& into) {
  verb->add_option("--tls-cert", into.cert, "Certificate to show, where nodes speak TLS.")
      ->type_name("FILE");
  verb->add_option("--tls-key", into.key, "Its private key.")->type_name("FILE");
  verb->add_option("--tls-ca", into.ca, "The CA of the cluster.")->type_name("FILE");
}

std::expected<Answer, int> ask(Question question) {
  if (!question.secret_file.empty()) {
    const Result<std::string> secret = read_secret(question.secret_file);
    if (!secret) return std::unexpected(complain(secret.error().detail, file_trouble));
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    question.request.headers.push_back(
        proof_of(*secret, question.request, question.body,
                 WallTime(std::chrono::duration_cast<WallTime::duration>(now))));
  }
  const Result<std::shared_ptr<const Credentials>> credentials = Credentials::load(question.tls);
  if (!credentials) {
    const bool unread = credentials.error().code == Code::failed;
    return std::unexpected(complain(credentials.error().detail, unread ? file_trouble : 64));
  }
  Result<Answer> answer = call(question.node, std::move(question.request), question.body,
                               question.within, *credentials);
  if (!answer) {
    return std::unexpected(
        complain("no answer from the node port " + question.node + ": " + answer.error().detail,
                 unreachable));
  }
  if (answer->status != 200) {
    return std::unexpected(complain(question.node + ": " + reason(*answer), refused));
  }
  return *std::move(answer);
}

template <>
std::string text_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end()) return "-";
  if (found->is_string()) {
    const auto text = found->get<std::string>();
    return text.empty() ? "-" : text;
  }
  return found->dump();
}

}  // namespace perdure::net
