#include "net/sockets/names.h"

#include <netdb.h>

#include <algorithm>
#include <memory>

#include "net/sockets/address.h"

namespace perdure::net {
namespace {

using Addresses = std::vector<std::string>;

Result<Addresses> look_up(const std::string& host) {
  addrinfo hints = {};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (error != 0) {
    return fail(Code::not_found, "name '" + host + "': " + ::gai_strerror(error));
  }
  Addresses addresses;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    std::string text = SocketAddress::from(*one->ai_addr, one->ai_addrlen).host();
    if (std::ranges::find(addresses, text) == addresses.end()) addresses.push_back(std::move(text));
  }
  ::freeaddrinfo(found);
  return addresses;
}

// The asking fiber may give up while the resolver still asks around, so what they
// share belongs to both.
struct Question {
  std::string host;
  Result<Addresses> answer = fail(Code::failed, "not asked");
  bool answered = false;
};

}  // namespace

Result<Addresses> SystemNames::resolve(std::string_view host, Instant deadline) {
  if (SocketAddress::literal(host, 0)) return Addresses{std::string(host)};
  const auto question = std::make_shared<Question>();
  question->host = host;
  Loop& loop = offload_.loop();
  const io::FiberId self = loop.scheduler.self();
  offload_.pool().submit([question, self, &loop] {
    question->answer = look_up(question->host);
    loop.post([question, self, &loop] {
      question->answered = true;
      loop.scheduler.wake(self);
    });
  });
  while (!question->answered) {
    const io::Woken woken = loop.scheduler.park(deadline);
    if (question->answered) break;
    if (woken == io::Woken::by_deadline) {
      return fail(Code::timed_out, "no answer for the name '" + question->host + "' in time");
    }
    if (woken == io::Woken::by_cancel) return fail(Code::cancelled, "the look-up was cancelled");
  }
  return std::move(question->answer);
}

}  // namespace perdure::net
