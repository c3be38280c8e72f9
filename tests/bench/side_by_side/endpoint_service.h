// tests/bench/side_by_side/endpoint_service.h
//
// The bench endpoint's half that speaks the service protocol: messages by hand, and the
// handlers as state machines over them.  Bytes in, bytes out; endpoint.cpp moves them.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

using std::string;
using std::string_view;

// ---------------------------------------------------------------- protobuf
namespace pb {
inline void varint(string& o, uint64_t v) {
  while (v >= 0x80) {
    o.push_back(char(v | 0x80));
    v >>= 7;
  }
  o.push_back(char(v));
}
inline void tag(string& o, unsigned f, unsigned wt) { varint(o, (uint64_t(f) << 3) | wt); }
inline void u(string& o, unsigned f, uint64_t v) {
  tag(o, f, 0);
  varint(o, v);
}
inline void s(string& o, unsigned f, string_view v) {
  tag(o, f, 2);
  varint(o, v.size());
  o.append(v);
}

struct Reader {
  const uint8_t* p;
  const uint8_t* e;
  bool bad = false;
  explicit Reader(string_view v) : p((const uint8_t*)v.data()), e(p + v.size()) {}
  uint64_t vi() {
    uint64_t r = 0;
    int sh = 0;
    while (p < e && sh < 64) {
      uint8_t b = *p++;
      r |= uint64_t(b & 0x7f) << sh;
      if (!(b & 0x80)) return r;
      sh += 7;
    }
    bad = true;
    return 0;
  }
  // Returns false at the end. wt 0 -> num; wt 2 -> bytes.
  bool next(unsigned& f, uint64_t& num, string_view& bytes) {
    if (p >= e || bad) return false;
    uint64_t t = vi();
    f = unsigned(t >> 3);
    num = 0;
    bytes = {};
    switch (t & 7) {
      case 0: num = vi(); break;
      case 1:
        if (e - p < 8)
          bad = true;
        else
          p += 8;
        break;
      case 5:
        if (e - p < 4)
          bad = true;
        else
          p += 4;
        break;
      case 2: {
        uint64_t n = vi();
        if (n > uint64_t(e - p)) {
          bad = true;
          break;
        }
        bytes = string_view((const char*)p, n);
        p += n;
        break;
      }
      default: bad = true;
    }
    return !bad;
  }
};
}  // namespace pb

enum : uint16_t {
  T_START = 0x0000,
  T_SUSPENSION = 0x0001,
  T_ERROR = 0x0002,
  T_END = 0x0003,
  T_CMD_ACK = 0x0004,
  T_PROPOSE_RUN = 0x0005,
  T_RUN_ACK = 0x0007,
  T_INPUT = 0x0400,
  T_OUTPUT = 0x0401,
  T_GET_LAZY = 0x0402,
  T_SET_STATE = 0x0403,
  T_GET_EAGER = 0x0407,
  T_SLEEP = 0x040C,
  T_CALL = 0x040D,
  T_RUN = 0x0411,
};

static void frame(string& out, uint16_t type, string_view body) {
  uint32_t n = uint32_t(body.size());
  char h[8] = {char(type >> 8), char(type),   0,      0, char(n >> 24),
               char(n >> 16),   char(n >> 8), char(n)};
  out.append(h, 8);
  out.append(body);
}

// ---------------------------------------------------------------- handlers
enum class H { None, Discover, Raw, Count, Echo, Steps, Chain, Sleep, Add, Get };
static uint64_t g_done[16];

struct Completion {
  uint32_t id;
  bool failure;
  string value;
  bool is_void;
};

struct Invocation {
  H h = H::None;
  int version = 6;
  bool started = false, got_input = false, finished = false, in_eof = false;
  uint32_t known = 0, seen = 0;  // journal entries announced / received
  bool partial_state = false;
  bool have_value = false;
  string value;  // eager state "counter"
  string input;
  struct Cmd {
    uint16_t type;
    string body;
  };
  std::vector<Cmd> replay;  // commands after the input command
  size_t cmd = 0;           // next command index to execute
  std::vector<Completion> comp;
  string in, out;
  size_t in_off = 0;
  uint32_t n = 0, step = 0;  // steps handler

  const Completion* find(uint32_t id) const {
    for (auto& c : comp)
      if (c.id == id) return &c;
    return nullptr;
  }
  // True when the command is already in the journal (then nothing is sent).
  bool command(uint16_t type, const string& body) {
    if (cmd < replay.size()) {
      if (replay[cmd].type != type) {
        fail(570, "journal mismatch");
        return true;
      }
      cmd++;
      return true;
    }
    cmd++;
    frame(out, type, body);
    return false;
  }
  void fail(int code, string_view msg) {
    if (finished) return;
    string b;
    pb::u(b, 1, code);
    pb::s(b, 2, msg);
    frame(out, T_ERROR, b);
    finished = true;
  }
  void output(string_view v) {
    string val, b;
    pb::s(val, 1, v);
    pb::s(b, 14, val);
    command(T_OUTPUT, b);
    if (finished) return;
    frame(out, T_END, {});
    finished = true;
    g_done[int(h)]++;
  }
  void suspend(uint32_t id) {
    string b;
    if (version >= 7) {
      string f;
      pb::u(f, 1, id);
      pb::u(f, 5, 1);
      pb::s(b, 4, f);
    } else
      pb::u(b, 1, id);
    frame(out, T_SUSPENSION, b);
    finished = true;
  }
  // Await a completion: returns it, or nullptr when not there yet.
  const Completion* await(uint32_t id) {
    if (auto* c = find(id)) return c;
    if (in_eof) suspend(id);
    return nullptr;
  }
  // Read of state "counter"; 0 pending, 1 done.
  int get_counter(bool& have, string& v) {
    bool lazy = partial_state && !have_value;
    if (cmd < replay.size()) {  // replayed
      if (replay[cmd].type == T_GET_EAGER) {
        pb::Reader r(replay[cmd].body);
        unsigned f;
        uint64_t n;
        string_view s;
        have = false;
        while (r.next(f, n, s))
          if (f == 14) {
            have = true;
            pb::Reader q(s);
            unsigned g;
            v.clear();
            string_view t;
            while (q.next(g, n, t))
              if (g == 1) v.assign(t);
          }
        if (step == 0) {
          cmd++;
          step = 1;
        }
        return 1;
      }
      lazy = true;
    }
    if (!lazy) {
      string b;
      pb::s(b, 1, "counter");
      if (have_value) {
        string val;
        pb::s(val, 1, value);
        pb::s(b, 14, val);
      } else
        pb::s(b, 13, {});
      command(T_GET_EAGER, b);
      have = have_value;
      v = value;
      step = 1;
      return 1;
    }
    if (step == 0) {
      string b;
      pb::s(b, 1, "counter");
      pb::u(b, 11, 1);
      command(T_GET_LAZY, b);
      step = 1;
    }
    auto* c = await(1);
    if (!c) return 0;
    have = !c->is_void;
    v = c->value;
    return 1;
  }

  void advance() {
    if (finished || !started || seen < known || !got_input) return;
    switch (h) {
      case H::Echo: output(input); break;
      case H::Steps: {
        if (n == 0) {
          n = uint32_t(atoi(input.c_str()));
          if (n < 1) n = 1;
          if (n > 1000) n = 1000;
        }
        while (step / 2 < n) {
          uint32_t id = step / 2 + 1;
          if (!(step & 1)) {
            string b;
            pb::u(b, 11, id);
            pb::s(b, 12, "step");
            command(T_RUN, b);
            if (finished) return;
            if (!find(id)) {
              char v[32];
              int l = snprintf(v, sizeof v, "\"step-%u\"", id);
              string p;
              pb::u(p, 1, id);
              pb::s(p, 14, string_view(v, l));
              frame(out, T_PROPOSE_RUN, p);
            }
            step++;
          }
          // Proposals that never got stored are proposed again on replay, so
          // suspending here is always safe.
          if (!await(id)) return;
          step++;
        }
        char v[16];
        int l = snprintf(v, sizeof v, "%u", n);
        output(string_view(v, l));
        break;
      }
      case H::Chain: {
        if (step == 0) {
          string b;
          pb::s(b, 1, "Bench");
          pb::s(b, 2, "echo");
          pb::s(b, 3, input);
          string hd;
          pb::s(hd, 1, "content-type");
          pb::s(hd, 2, "application/json");
          pb::s(b, 4, hd);
          pb::u(b, 10, 1);
          pb::u(b, 11, 2);
          command(T_CALL, b);
          step = 1;
          if (finished) return;
        }
        auto* c = await(2);
        if (!c) return;
        if (c->failure) {
          fail(500, "callee failed");
          return;
        }
        string v = c->value;
        output(v);
        break;
      }
      case H::Sleep: {
        if (step == 0) {
          timespec ts;
          clock_gettime(CLOCK_REALTIME, &ts);
          uint64_t at = uint64_t(ts.tv_sec) * 1000 + ts.tv_nsec / 1000000 +
                        strtoull(input.c_str(), nullptr, 10);
          string b;
          pb::u(b, 1, at);
          pb::u(b, 11, 1);
          command(T_SLEEP, b);
          step = 1;
          if (finished) return;
        }
        if (!await(1)) return;
        output(input);
        break;
      }
      case H::Add:
      case H::Get: {
        bool have = false;
        string v;
        if (!get_counter(have, v)) return;
        if (finished) return;
        long long cur = have ? atoll(v.c_str()) : 0;
        if (h == H::Add) cur += input.empty() ? 1 : atoll(input.c_str());
        char nv[32];
        int l = snprintf(nv, sizeof nv, "%lld", cur);
        if (h == H::Add) {
          string val, b;
          pb::s(val, 1, string_view(nv, l));
          pb::s(b, 1, "counter");
          pb::s(b, 3, val);
          command(T_SET_STATE, b);
          if (finished) return;
        }
        output(string_view(nv, l));
        break;
      }
      default: fail(404, "no handler");
    }
  }

  void message(uint16_t type, string_view b) {
    unsigned f;
    uint64_t num;
    string_view s;
    if (type == T_START) {
      pb::Reader r(b);
      while (r.next(f, num, s)) {
        if (f == 3)
          known = uint32_t(num);
        else if (f == 5)
          partial_state = num;
        else if (f == 4) {
          pb::Reader q(s);
          string_view k, v, t;
          unsigned g;
          uint64_t m;
          while (q.next(g, m, t)) {
            if (g == 1)
              k = t;
            else if (g == 2)
              v = t;
          }
          if (k == "counter") {
            have_value = true;
            value.assign(v);
          }
        }
      }
      started = true;
      return;
    }
    if (type == T_INPUT) {
      seen++;
      got_input = true;
      pb::Reader r(b);
      while (r.next(f, num, s))
        if (f == 14) {
          pb::Reader q(s);
          unsigned g;
          uint64_t m;
          string_view t;
          while (q.next(g, m, t))
            if (g == 1) input.assign(t);
        }
      return;
    }
    if (type == T_CMD_ACK) return;
    if (type == T_RUN_ACK) {
      pb::Reader r(b);
      Completion c{0, false, {}, false};
      while (r.next(f, num, s))
        if (f == 1) c.id = uint32_t(num);
      comp.push_back(std::move(c));
      return;
    }
    if (type & 0x8000) {  // notification
      if (seen < known) seen++;
      pb::Reader r(b);
      Completion c{0, false, {}, false};
      while (r.next(f, num, s)) {
        if (f == 1)
          c.id = uint32_t(num);
        else if (f == 4)
          c.is_void = true;
        else if (f == 5) {
          pb::Reader q(s);
          unsigned g;
          uint64_t m;
          string_view t;
          while (q.next(g, m, t))
            if (g == 1) c.value.assign(t);
        } else if (f == 6)
          c.failure = true;
      }
      comp.push_back(std::move(c));
      return;
    }
    if (type >= 0x0400 && type < 0x0800) {
      seen++;
      replay.push_back({type, string(b)});
    }
  }

  void feed(const uint8_t* d, size_t len) {
    in.append((const char*)d, len);
    for (;;) {
      size_t left = in.size() - in_off;
      if (left < 8) break;
      const uint8_t* q = (const uint8_t*)in.data() + in_off;
      uint16_t type = uint16_t(q[0] << 8 | q[1]);
      uint32_t n = uint32_t(q[4]) << 24 | uint32_t(q[5]) << 16 | uint32_t(q[6]) << 8 | q[7];
      if (left < 8 + size_t(n)) break;
      message(type, string_view((const char*)q + 8, n));
      in_off += 8 + n;
    }
    if (in_off == in.size()) {
      in.clear();
      in_off = 0;
    }
    advance();
  }
};
