// net/verbs/talk.h
//
// What all verbs say and ask in the same way: complaints with an exit code, and requests to
// the node port of a server.
#pragma once

#include <expected>
#include <string>

#include "engine/base/time.h"
#include "engine/io/http.h"
#include "net/verbs/caller.h"

namespace CLI {
class App;
}

namespace perdure::net {

// Exit codes, beside 0; see verbs.h.
inline constexpr int refused = 1, data_trouble = 65, unreachable = 69, file_trouble = 74;

int complain(const std::string& what, int code);  // returns the code
std::string reason(const Answer& answer);         // what a server says that refuses

struct Question {
  std::string node;  // "host:port" of a node port
  TlsFiles tls;
  io::Request request;
  std::string body;
  std::string secret_file;  // of who may change something; "": none
  Duration within = std::chrono::seconds(10);
};
// The options of a verb that asks a node port.
void take_tls(CLI::App* verb, TlsFiles& into);

// An answer of status 200.  Else it has complained already; the error is the exit code.
std::expected<Answer, int> ask(Question question);

// A member of a JSON object as people read it; "-" when it is absent or empty.
// A template so that this header names no library; there is one Json, nlohmann's.
template <class Json>
std::string text_of(const Json& object, const char* name);

}  // namespace perdure::net
