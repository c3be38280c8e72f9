// Reads and writes of an object's state.  Writes of a handler that may not write have no
// effect: the leader refuses them before they get here.
#include "engine/processor/entries.h"

namespace perdure::processor {

using enum wire::MessageType;

void get_lazy_state(Context& context, Live& live, const wire::GetLazyStateCommand& get) {
  const std::string* value = nullptr;
  if (has_state(live.row.target)) {
    value =
        context.store.get(tables::state_key(tables::object_of(live.id, live.row.target), get.key));
  }
  wire::NotificationResult result = wire::Void{};
  if (value) result = wire::Value{.content = *value};
  context.complete(live, get_lazy_state_completion, get.result_completion_id, std::move(result));
}

void get_lazy_state_keys(Context& context, Live& live, const wire::CompletableCommand& get) {
  wire::StateKeys keys;
  if (has_state(live.row.target)) {
    const tables::ObjectName object = tables::object_of(live.id, live.row.target);
    const tables::KeyRange range = tables::state_range(object);
    context.store.visit(range.from, range.to, [&](std::string_view key, const std::string&) {
      keys.keys.emplace_back(tables::state_key_in(key, object));
      return true;
    });
  }
  context.complete(live, get_lazy_state_keys_completion, get.result_completion_id, std::move(keys));
}

void set_state(Context& context, Live& live, const wire::SetStateCommand& set) {
  if (!writes_state(live.row.target)) return;
  context.store.put(tables::state_key(tables::object_of(live.id, live.row.target), set.key),
                    set.value.content);
}

void clear_state(Context& context, Live& live, const wire::ClearStateCommand& clear) {
  if (!writes_state(live.row.target)) return;
  context.store.erase(tables::state_key(tables::object_of(live.id, live.row.target), clear.key));
}

void clear_all_state(Context& context, Live& live) {
  if (!writes_state(live.row.target)) return;
  const auto range = tables::state_range(tables::object_of(live.id, live.row.target));
  context.store.erase_range(range.from, range.to);
}

}  // namespace perdure::processor
