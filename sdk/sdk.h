// sdk/sdk.h
//
// Handlers in C++, durable by being written down step by step: services, virtual objects
// and workflows, as functions that read from top to bottom.
//
//     errors.h        how a handler fails
//     serde.h         values and bytes
//     future.h        what will be known later; all, any, race, select
//     context.h       what a handler can do
//     service.h       naming handlers
//     endpoint.h      serving them, over io::Http
//     serve/serve.h   serving them, as a program
//
//     replay.h        below: journal and handler compared, as a value
//     attempt.h       below: the bytes
//
// In: requests of a server that speaks the service protocol, versions 5 to 7.
// Out: commands.  Not: anything of the engine.
// Read: examples/counter.cpp, docs/user/handlers_in_cpp.md.
#pragma once

#include "sdk/context.h"
#include "sdk/endpoint.h"
#include "sdk/errors.h"
#include "sdk/future.h"
#include "sdk/serde.h"
#include "sdk/service.h"
