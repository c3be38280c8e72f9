// engine/processor/entries.h
//
// What a handler's commands do beyond being in its journal: one function each, in
// entry_*.cpp.  Called after the command's frame was appended.
#pragma once

#include "engine/processor/context.h"

namespace perdure::processor {

void get_lazy_state(Context&, Live&, const wire::GetLazyStateCommand&);
void get_lazy_state_keys(Context&, Live&, const wire::CompletableCommand&);
void set_state(Context&, Live&, const wire::SetStateCommand&);
void clear_state(Context&, Live&, const wire::ClearStateCommand&);
void clear_all_state(Context&, Live&);

void get_promise(Context&, Live&, const wire::PromiseCommand&);
void peek_promise(Context&, Live&, const wire::PromiseCommand&);
void complete_promise(Context&, Live&, const wire::CompletePromiseCommand&);

void sleep(Context&, Live&, const wire::SleepCommand&);

void call(Context&, Live&, const wire::CallCommand&, const wire::Callee&);
void one_way_call(Context&, Live&, const wire::OneWayCallCommand&, const wire::Callee&);

void send_signal(Context&, const wire::SendSignalCommand&);
void complete_awakeable(Context&, const wire::CompleteAwakeableCommand&);

void attach(Context&, Live&, wire::MessageType, const wire::AttachCommand&);

// Whom an AttachInvocation or GetInvocationOutput means; nothing when it names nobody.
std::optional<wire::InvocationId> target_of(const wire::AttachCommand&);

}  // namespace perdure::processor
