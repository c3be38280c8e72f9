#include "sim/fault_text.h"

#include <cmath>

#include "engine/base/check.h"
#include "sim/scenario.pb.h"

namespace perdure::sim {

namespace {

namespace pb = google::protobuf;

const pb::FieldDescriptor& field_of(const pb::Message& message, const std::string& name) {
  const pb::FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(name);
  CHECK(field != nullptr);  // every field of a fault has its twin in the .proto
  return *field;
}

// What the message has goes into the fault; what it has not stays as by default.
struct Take {
  const pb::Message& message;
  const pb::Reflection& reflection = *message.GetReflection();

  template <class Value, class Get>
  void take(std::string_view name, Value& value, Get get) const {
    const pb::FieldDescriptor& field = field_of(message, std::string(name));
    if (reflection.HasField(message, &field)) value = get(field);
  }
  void operator()(std::string_view name, std::string& value) const {
    take(name, value, [&](const auto& f) { return reflection.GetString(message, &f); });
  }
  void operator()(std::string_view name, Duration& value) const {
    take(std::string(name) + "_ms", value,
         [&](const auto& f) { return span_of_ms(reflection.GetDouble(message, &f)); });
  }
  void operator()(std::string_view name, bool& value) const {
    take(name, value, [&](const auto& f) { return reflection.GetBool(message, &f); });
  }
  void operator()(std::string_view name, std::uint32_t& value) const {
    take(name, value, [&](const auto& f) { return reflection.GetUInt32(message, &f); });
  }
  void operator()(std::string_view name, std::uint64_t& value) const {
    take(name, value, [&](const auto& f) { return reflection.GetUInt64(message, &f); });
  }
  void operator()(std::string_view name, std::optional<std::uint64_t>& value) const {
    take(name, value, [&](const auto& f) { return reflection.GetUInt64(message, &f); });
  }
};

struct Put {
  pb::Message& message;
  const pb::Reflection& reflection = *message.GetReflection();

  const pb::FieldDescriptor* field(std::string_view name) const {
    return &field_of(message, std::string(name));
  }
  void operator()(std::string_view name, const std::string& value) const {
    reflection.SetString(&message, field(name), value);
  }
  void operator()(std::string_view name, Duration value) const {
    reflection.SetDouble(&message, field(std::string(name) + "_ms"), ms_of_span(value));
  }
  void operator()(std::string_view name, bool value) const {
    reflection.SetBool(&message, field(name), value);
  }
  void operator()(std::string_view name, std::uint32_t value) const {
    reflection.SetUInt32(&message, field(name), value);
  }
  void operator()(std::string_view name, std::uint64_t value) const {
    reflection.SetUInt64(&message, field(name), value);
  }
  void operator()(std::string_view name, const std::optional<std::uint64_t>& value) const {
    if (value) reflection.SetUInt64(&message, field(name), *value);
  }
};

template <class... Each>
std::optional<faults::Fault> fault_named(std::string_view name, std::variant<Each...>*) {
  std::optional<faults::Fault> fault;
  ((name == Each::name ? void(fault.emplace(Each())) : void()), ...);
  return fault;
}

}  // namespace

Duration span_of_ms(double ms) {
  return Duration(static_cast<Duration::rep>(std::llround(ms * 1e6)));
}

double ms_of_span(Duration span) { return std::chrono::duration<double, std::milli>(span).count(); }

Result<faults::Fault> fault_of(const text::Op& op) {
  const pb::Reflection& reflection = *op.GetReflection();
  const pb::FieldDescriptor* field =
      reflection.GetOneofFieldDescriptor(op, op.GetDescriptor()->oneof_decl(0));
  if (field == nullptr) return fail(Code::invalid, "nemesis needs an op");
  auto fault = fault_named(field->name(), static_cast<faults::Fault*>(nullptr));
  CHECK(fault.has_value());  // every op of the .proto is a fault
  const Take take{reflection.GetMessage(op, field)};
  std::visit([&take](auto& f) { f.fields(f, take); }, *fault);
  return *fault;
}

void put_fault(const faults::Fault& fault, text::Op& op) {
  std::visit(
      [&op](const auto& f) {
        const pb::FieldDescriptor& field = field_of(op, std::string(f.name));
        f.fields(f, Put{*op.GetReflection()->MutableMessage(&op, &field)});
      },
      fault);
}

}  // namespace perdure::sim
