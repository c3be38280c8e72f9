// engine/processor/commands.h
//
// One function a command; each in its own on_*.cpp.  They are called with a record's
// context after fencing, in the order of the record.
#pragma once

#include "engine/processor/context.h"

namespace perdure::processor {

void on(Context&, const wire::Invoke&);
void on(Context&, const wire::Pin&);
void on(Context&, const wire::Entry&);
void on(Context&, const wire::CompleteRun&);
void on(Context&, const wire::Suspend&);
void on(Context&, const wire::End&);
void on(Context&, const wire::Pause&);
void on(Context&, const wire::Fail&);
void on(Context&, const wire::Respond&);
void on(Context&, const wire::Signal&);
void on(Context&, const wire::Cancel&);
void on(Context&, const wire::Kill&);
void on(Context&, const wire::Resume&);
void on(Context&, const wire::Attach&);
void on(Context&, const wire::Purge&);
void on(Context&, const wire::PatchState&);
void on(Context&, const wire::Fire&);
void on(Context&, const wire::TruncateOutbox&);
void on(Context&, const wire::AnnounceLeader&);

}  // namespace perdure::processor
