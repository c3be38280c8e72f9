#include "sim/trace/perfetto.h"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "sim/trace/spans.h"
#include "sim/trace/view.h"

namespace perdure::sim::trace {

namespace {

using Json = nlohmann::ordered_json;

// Rows of a host's process.
constexpr int life_row = 0, operation_row = 1, mark_row = 2, message_row = 3;
constexpr int fault_row = 10;  // and on, where they overlap
constexpr std::size_t messages_max = 100'000;

class Writer {
 public:
  explicit Writer(const Story& story) : story_(story), spans_(spans_of(story)) {}

  std::string write() {
    name_rows();
    for (const LifeSpan& life : spans_.lives) {
      slice(life, life_row, fmt::format("process {}", life.incarnation),
            {{"ended", life.end == 0     ? "not"
                       : life.power_lost ? "power loss"
                                         : "crash"}});
    }
    std::map<std::string, int> role_rows;
    for (const RoleSpan& role : spans_.roles) {
      const auto row = role_rows.emplace(role.of, 100 + static_cast<int>(role_rows.size())).first;
      slice(role, row->second, fmt::format("leads {}, epoch {}", role.of, role.epoch), {});
    }
    for (const OperationSpan& operation : spans_.operations) {
      static constexpr std::string_view outcomes[] = {"answered", "refused", "fate unknown",
                                                      "open"};
      slice(operation, operation_row, operation.name,
            {{"detail", operation.detail},
             {"outcome", outcomes[static_cast<std::size_t>(operation.outcome)]},
             {"retries", operation.retries}});
    }
    write_faults();
    write_marks();
    write_messages();
    return text_ + "\n]}\n";
  }

 private:
  static double micros(std::uint64_t ns) { return static_cast<double>(ns) / 1e3; }

  void put(const Json& json) {
    if (!first_) text_ += ",\n";
    first_ = false;
    text_ += json.dump(-1, ' ', true, Json::error_handler_t::replace);
  }

  void name_rows() {
    for (std::size_t host = 0; host < story_.hosts.size(); ++host) {
      put({{"ph", "M"},
           {"name", "process_name"},
           {"pid", host},
           {"args", {{"name", story_.hosts[host].name}}}});
      static constexpr std::pair<int, std::string_view> rows[] = {{life_row, "process"},
                                                                  {operation_row, "operations"},
                                                                  {mark_row, "marks"},
                                                                  {message_row, "messages"}};
      for (const auto& [row, name] : rows) {
        put({{"ph", "M"},
             {"name", "thread_name"},
             {"pid", host},
             {"tid", row},
             {"args", {{"name", name}}}});
      }
    }
  }

  void slice(const Span& span, int row, const std::string& name, Json args) {
    args["event"] = story_.moment(span.begin).event;
    put({{"ph", "X"},
         {"pid", span.host},
         {"tid", row},
         {"ts", micros(span.from)},
         {"dur", micros(span.to - span.from)},
         {"name", name},
         {"args", std::move(args)}});
  }

  void write_faults() {
    std::vector<std::uint64_t> row_ends;
    for (const FaultSpan& fault : spans_.faults) {
      std::size_t row = 0;
      while (row < row_ends.size() && row_ends[row] > fault.from) ++row;
      if (row == row_ends.size()) row_ends.push_back(0);
      row_ends[row] = fault.to;
      Span span = fault;
      span.host = 0;
      slice(span, fault_row + static_cast<int>(row), fault.name, {{"detail", fault.detail}});
    }
  }

  void write_marks() {
    for (std::uint64_t number = 1; number <= story_.size(); ++number) {
      const Moment& moment = story_.moment(number);
      const bool mark = moment.what == What::mark || moment.what == What::check ||
                        moment.what == What::seal || moment.what == What::trim ||
                        moment.what == What::commit || moment.what == What::apply;
      if (!mark) continue;
      put({{"ph", "i"},
           {"s", moment.what == What::check ? "g" : "t"},
           {"pid", moment.host},
           {"tid", mark_row},
           {"ts", micros(moment.at)},
           {"name", story_.text(moment.name)},
           {"args", {{"detail", story_.text(moment.detail)}, {"event", moment.event}}}});
    }
  }

  // A flow binds to slices, so both ends get one of a microsecond.
  void write_messages() {
    std::size_t left = messages_max;
    for (const MessageSpan& message : spans_.messages) {
      if (left-- == 0) return;
      Span end = message;
      end.to = end.from + 1000;
      slice(end, message_row, message.name, {});
      flow("s", message.begin, message.host, message.from);
      end.host = message.to_host;
      end.from = message.to;
      end.to = message.to + 1000;
      slice(end, message_row, message.name, {});
      flow("f", message.begin, message.to_host, message.to);
    }
  }
  void flow(std::string_view phase, std::uint64_t id, std::uint32_t host, std::uint64_t at) {
    put({{"ph", phase},
         {"bp", "e"},
         {"id", id},
         {"pid", host},
         {"tid", message_row},
         {"ts", micros(at)},
         {"name", "message"},
         {"cat", "message"}});
  }

  const Story& story_;
  const Spans spans_;
  bool first_ = true;
  std::string text_ = "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n";
};

}  // namespace

std::string perfetto_of(const Story& story) { return Writer(story).write(); }

}  // namespace perdure::sim::trace
