// engine/log/messages.h
//
// What nodes say to each other about copies of loglets.
//
//     questions   asked and answered, in any order: seal, tail, digest, read, repair, trim
//     frames      one way, in order, many on their way at once: a writer's records, and
//                 what a copy says to them
//
//     writer ── store 7..9 ──► copy        frame   kind u8 | length u16 | head | records,
//     writer ── store 10 ────► copy                each: length u32 | bytes
//     writer ◄── up to 9 is durable
//
// Records lie in a frame as they are, not in the codec's fields, so that they are copied
// once into it and read out of it as views.
//
// What comes may be anybody's: decoders check all of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

#include "engine/base/ids.h"
#include "engine/base/interval_set.h"
#include "engine/base/result.h"
#include "engine/log/copy.h"
#include "engine/wire/codec.h"

namespace perdure::log {

// --- questions ---

struct SealAsk {  // answered when the seal is durable
  LogletId loglet;
  static constexpr auto fields = std::tuple(wire::field(1, "loglet", &SealAsk::loglet));
};
struct TailAsk {  // answered when more is committed than `beyond`, it is sealed, or time is up
  LogletId loglet;
  Offset beyond;
  std::chrono::milliseconds within{0};  // 0: at once
  static constexpr auto fields = std::tuple(wire::field(1, "loglet", &TailAsk::loglet),
                                            wire::field(2, "beyond", &TailAsk::beyond),
                                            wire::field(3, "within", &TailAsk::within));
};
struct DigestAsk {
  LogletId loglet;
  Offset first, last;
  static constexpr auto fields = std::tuple(wire::field(1, "loglet", &DigestAsk::loglet),
                                            wire::field(2, "first", &DigestAsk::first),
                                            wire::field(3, "last", &DigestAsk::last));
};
struct ReadAsk {  // records from `first` on, up to the first hole
  LogletId loglet;
  Offset first, last;
  std::uint64_t bytes_max = 0;
  static constexpr auto fields = std::tuple(
      wire::field(1, "loglet", &ReadAsk::loglet), wire::field(2, "first", &ReadAsk::first),
      wire::field(3, "last", &ReadAsk::last), wire::field(4, "bytes_max", &ReadAsk::bytes_max));
};
struct RepairAsk {  // answered when they are durable
  LogletId loglet;
  Offset first, committed;
  std::vector<std::string> records;
  static constexpr auto fields = std::tuple(wire::field(1, "loglet", &RepairAsk::loglet),
                                            wire::field(2, "first", &RepairAsk::first),
                                            wire::field(3, "committed", &RepairAsk::committed),
                                            wire::field(4, "records", &RepairAsk::records));
};
struct TrimAsk {
  LogletId loglet;
  Offset point;
  LogletId successor;  // not 0: the loglet goes altogether, and this one comes after it
  static constexpr auto fields = std::tuple(wire::field(1, "loglet", &TrimAsk::loglet),
                                            wire::field(2, "point", &TrimAsk::point),
                                            wire::field(3, "successor", &TrimAsk::successor));
};

struct Question {
  std::variant<std::monostate, SealAsk, TailAsk, DigestAsk, ReadAsk, RepairAsk, TrimAsk> what;
  static constexpr auto fields =
      std::tuple(wire::one_of("what", &Question::what, 1, 2, 3, 4, 5, 6));
};

// --- answers ---

struct TailReply {  // to seal, tail, repair and trim
  Offset last;      // the highest that is held, durably
  Offset committed, trim_point;
  bool sealed = false;  // durably
  bool lost_data = false;
  static constexpr auto fields = std::tuple(wire::field(1, "last", &TailReply::last),
                                            wire::field(2, "committed", &TailReply::committed),
                                            wire::field(3, "trim_point", &TailReply::trim_point),
                                            wire::field(4, "sealed", &TailReply::sealed),
                                            wire::field(5, "lost_data", &TailReply::lost_data));
};
struct DigestReply {
  Offset trim_point;
  IntervalSet held;
  bool lost_data = false;
  bool takes_no_more = false;  // its disk failed
  static constexpr auto fields =
      std::tuple(wire::field(1, "trim_point", &DigestReply::trim_point),
                 wire::field(2, "held", &DigestReply::held),
                 wire::field(3, "lost_data", &DigestReply::lost_data),
                 wire::field(4, "takes_no_more", &DigestReply::takes_no_more));
};
struct ReadReply {
  Offset trim_point;
  std::vector<std::string> records;  // from ReadAsk::first on; none: it is not held
  static constexpr auto fields = std::tuple(wire::field(1, "trim_point", &ReadReply::trim_point),
                                            wire::field(2, "records", &ReadReply::records));
};

// --- frames ---

enum class FrameKind : std::uint8_t { store = 1, stored = 2 };

struct StoreHead {
  LogletId loglet;
  NodeId writer;
  Incarnation incarnation;
  Offset first, committed;
  std::uint64_t round = 0;  // rises whenever the writer begins again from further back
  static constexpr auto fields = std::tuple(wire::field(1, "loglet", &StoreHead::loglet),
                                            wire::field(2, "writer", &StoreHead::writer),
                                            wire::field(3, "incarnation", &StoreHead::incarnation),
                                            wire::field(4, "first", &StoreHead::first),
                                            wire::field(5, "committed", &StoreHead::committed),
                                            wire::field(6, "round", &StoreHead::round));
};

enum class StoredStatus : std::uint8_t {
  durable = 0,  // up to `durable`
  sealed = 1,   // or somebody else's: it takes no more from this writer
  gap = 2,      // something before it is missing: begin again behind what is durable
  busy = 3,     // no room at the moment: begin again a little later
  broken = 4,   // this disk takes no more
};

struct Stored {
  LogletId loglet;
  StoredStatus status = StoredStatus::durable;
  Offset durable;
  std::uint64_t round = 0;  // of the store that this answers
  static constexpr auto fields = std::tuple(
      wire::field(1, "loglet", &Stored::loglet), wire::field(2, "status", &Stored::status),
      wire::field(3, "durable", &Stored::durable), wire::field(4, "round", &Stored::round));
};

// Builds a store frame, record by record.
class StoreFrame {
 public:
  explicit StoreFrame(const StoreHead& head);
  void add(std::string_view record);
  std::size_t bytes() const { return frame_.size(); }
  std::string take() { return std::move(frame_); }

 private:
  std::string frame_;
};
std::string encode_frame(const Stored& stored);

struct ReceivedStore {
  StoreHead head;
  std::vector<std::string_view> records;  // into the frame
};
// Errors: corrupt.
Result<FrameKind> kind_of_frame(std::string_view frame);
Result<ReceivedStore> decode_store(std::string_view frame);
Result<Stored> decode_stored(std::string_view frame);

}  // namespace perdure::log
