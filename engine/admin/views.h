// engine/admin/views.h
//
// The schema as JSON, field by field as operators' tools read it.  Durations are text
// ("1d 12h"), instants RFC 3339; what was not said of a handler is left out, of a service
// it is resolved against the server's defaults.
//
// Templates, so that this header needs no JSON library; Json is nlohmann::ordered_json.
#pragma once

#include "engine/admin/admin.h"

namespace perdure::admin {

template <class Json>
Json view_of(const wire::Handler&, const wire::Service&);
template <class Json>
Json view_of(const wire::Service&, const wire::EffectiveOptions& defaults);

// A deployment without its services: those are listed by revision, or in full.
enum class Services { revisions, full };
template <class Json>
Json view_of(const wire::Deployment&, Services, const wire::EffectiveOptions& defaults);
template <class Json>
Json view_of(const Registered&, const wire::EffectiveOptions& defaults);

// "http://host/path" from the form that is stored, with its last slash.
std::string shown_uri(std::string_view stored);

}  // namespace perdure::admin
