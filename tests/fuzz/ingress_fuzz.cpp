// What a client may say to the ingress: the first line is method and target, the rest the
// body.  Every request is answered, and by no CHECK.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "engine/ingress/route.h"
#include "tests/engine/ingress/pretence.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(bytes), size);
  const std::size_t line = std::min(input.find('\n'), input.size());
  const std::size_t blank = std::min(input.find(' '), line);
  const std::string_view target =
      input.substr(std::min(blank + 1, line), line - std::min(blank + 1, line));
  tests::Bench bench;
  bench.partitions.ending = perdure::Code::not_found;
  perdure::io::Request request{.method = std::string(input.substr(0, blank)),
                               .target = std::string(target),
                               .headers = {{"content-type", "application/json"}}};
  const std::string body(input.substr(std::min(line + 1, size)));
  const auto exchange =
      bench.serve(std::move(request), body.empty() ? tests::PretendExchange::Pieces{}
                                                   : tests::PretendExchange::Pieces{body});
  if (!exchange.answered) std::abort();
  return 0;
}
