#include "engine/wire/command.h"

#include "engine/base/match.h"

namespace perdure::wire {

std::string_view name_of(const Command& command) {
  using std::string_view;
  return match(
      command.body, [](const std::monostate&) -> string_view { return "unknown"; },
      [](const Invoke&) -> string_view { return "Invoke"; },
      [](const Pin&) -> string_view { return "Pin"; },
      [](const Entry&) -> string_view { return "Entry"; },
      [](const CompleteRun&) -> string_view { return "CompleteRun"; },
      [](const Suspend&) -> string_view { return "Suspend"; },
      [](const End&) -> string_view { return "End"; },
      [](const Pause&) -> string_view { return "Pause"; },
      [](const Fail&) -> string_view { return "Fail"; },
      [](const Respond&) -> string_view { return "Respond"; },
      [](const Signal&) -> string_view { return "Signal"; },
      [](const Cancel&) -> string_view { return "Cancel"; },
      [](const Kill&) -> string_view { return "Kill"; },
      [](const Resume&) -> string_view { return "Resume"; },
      [](const Attach&) -> string_view { return "Attach"; },
      [](const Purge&) -> string_view { return "Purge"; },
      [](const PatchState&) -> string_view { return "PatchState"; },
      [](const Fire&) -> string_view { return "Fire"; },
      [](const TruncateOutbox&) -> string_view { return "TruncateOutbox"; },
      [](const AnnounceLeader&) -> string_view { return "AnnounceLeader"; });
}

}  // namespace perdure::wire

WIRE_CODEC_HERE(perdure::wire::Record);
