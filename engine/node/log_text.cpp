#include "engine/node/log_text.h"

#include <variant>
#include <vector>

#include "engine/base/match.h"
#include "engine/wire/command.h"
#include "engine/wire/json.h"
#include "engine/wire/time_text.h"

namespace perdure::node {
namespace {

// Whom a command is about.  Most name one invocation in the same way.
std::vector<wire::InvocationId> ids_of(const wire::Command& command) {
  return std::visit(
      [](const auto& body) -> std::vector<wire::InvocationId> {
        if constexpr (requires { body.ids; }) {
          return body.ids;
        } else if constexpr (requires { body.to.invocation; }) {
          return {body.to.invocation};
        } else if constexpr (requires { wire::InvocationId(body.id); }) {
          return {body.id};
        } else {
          return {};
        }
      },
      command.body);
}

std::string text_of(const wire::Command& command) {
  return std::visit(
      [](const auto& body) -> std::string {
        if constexpr (wire::Message<std::decay_t<decltype(body)>>) {
          return wire::show(body);
        } else {
          return "";
        }
      },
      command.body);
}

std::string producer_of(const wire::Record& record) {
  return match(
      record.producer, [](const std::monostate&) -> std::string { return "ingress"; },
      [](const wire::SelfProducer& self) -> std::string {
        return "leader " + std::to_string(self.epoch.raw()) + ":" + std::to_string(self.seq);
      },
      [](const wire::SourceProducer& source) -> std::string {
        return "partition " + std::to_string(source.partition.raw()) + ":" +
               std::to_string(source.seq);
      },
      [](const wire::RequestProducer& request) -> std::string {
        return "request " + wire::ulid_text(request.id());
      });
}

void append_command(std::string& out, const wire::Command& command) {
  JsonObject object(out);
  object.text("command", name_of(command));
  std::string& ids = object.member("ids");
  ids += '[';
  for (const wire::InvocationId& id : ids_of(command)) {
    append_comma(ids);
    wire::append_json(ids, id.text());
  }
  ids += ']';
  object.text("text", text_of(command));
}

}  // namespace

void append_comma(std::string& out) {
  if (out.back() != '[' && out.back() != '{') out += ',';
}

std::string& JsonObject::member(std::string_view name) {
  append_comma(out_);
  wire::append_json(out_, name);
  out_ += ':';
  return out_;
}
void JsonObject::number(std::string_view name, std::uint64_t value) {
  member(name) += std::to_string(value);
}
void JsonObject::text(std::string_view name, std::string_view value) {
  wire::append_json(member(name), value);
}
void JsonObject::truth(std::string_view name, bool value) {
  member(name) += value ? "true" : "false";
}

void put_loglet(JsonObject& object, const log::Chain& chain, std::size_t place) {
  const log::Loglet& loglet = chain.loglets[place];
  object.number("id", loglet.id.raw());
  object.number("base", loglet.base.raw());
  object.number("tail", log::tail_of(chain, place).raw());
  std::string& nodes = object.member("nodeset");
  nodes += '[';
  for (const log::Member& member : loglet.nodeset) {
    append_comma(nodes);
    nodes += std::to_string(member.node.raw());
  }
  nodes += ']';
  object.text("replication", log::to_text(loglet.replication));
  object.text("sequencer", "N" + std::to_string(loglet.sequencer.raw()) + ":" +
                               std::to_string(loglet.incarnation.raw()));
}

void append_chain(std::string& out, PartitionId partition, const log::VersionedChain& chain) {
  JsonObject object(out);
  object.number("id", partition.raw());
  object.number("version", chain.version);
  object.number("trim_point", chain.chain.trim_point.raw());
  object.number("sealed_tail", chain.chain.sealed_tail.raw());
  std::string& loglets = object.member("loglets");
  loglets += '[';
  for (std::size_t i = 0; i < chain.chain.loglets.size(); ++i) {
    append_comma(loglets);
    JsonObject loglet(loglets);
    put_loglet(loglet, chain.chain, i);
  }
  loglets += ']';
}

void put_record(JsonObject& object, std::string_view bytes) {
  object.number("bytes", bytes.size());
  const Result<wire::Record> record = wire::decode<wire::Record>(bytes);
  if (!record) return object.text("error", record.error().detail);
  object.text("at", wire::instant_text(record->at, 3, "Z"));
  object.text("producer", producer_of(*record));
  std::string& commands = object.member("commands");
  commands += '[';
  for (const wire::Command& command : record->commands) {
    append_comma(commands);
    append_command(commands, command);
  }
  commands += ']';
}

}  // namespace perdure::node
