// engine/io/world.h
//
// Everything the engine can ask of the world; there is nothing else.  main() of
// either host makes one a shard and hands it to the Node.  No globals, no
// singletons: code that was given no World can do no I/O, and its signature says so.
//
// A World belongs to one shard: one loop, one thread.  Nothing in it may be called
// from another.  The only way from shard to shard is Peers.
#pragma once

namespace perdure::io {

class Clock;    // two clocks: steady for timeouts, wall for stamping records
class Disk;     // files and folders
class Fibers;   // start, park, wake; see fibers.h for groups, events and queues
class Http;     // streams of requests in, and calls to user handlers out
class Names;    // host names to addresses
class Objects;  // a bucket, for snapshots: put, get, list, compare-and-put
class Peers;    // frames to and from other shards and nodes
class Random;   // named streams of draws
class Streams;  // byte streams: listen and connect
class Tables;   // ordered key-value families with atomic ingest
class Trace;    // typed events: the log line, the golden test and the digest

struct World {
  Clock& clock;
  Disk& disk;
  Fibers& fibers;
  Http& http;
  Names& names;
  Objects& objects;
  Peers& peers;
  Random& random;
  Streams& streams;
  Tables& tables;
  Trace& trace;
};

}  // namespace perdure::io
