// Reads a Perfetto trace back for tests. Field numbers are written out here and not shared with the writer, so that a
// wrong one does not agree with itself. Whatever a reader of traces would drop or misread throws.
#pragma once

#include <cstdint>
#include <map>
#include <protozero/pbf_reader.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace rehearse::testing {

struct DecodedTrack {
  std::uint64_t uuid = 0, parent = 0;
  std::string name, description, unit_name;
  std::int32_t order = -1, child_ordering = 0, sibling_merge = 0, unit = 0;
  bool counter = false;
};

struct DecodedEvent {
  std::int64_t time = 0;
  std::uint32_t type = 0;  // 1 begin, 2 end, 3 instant, 4 counter
  std::uint64_t track = 0;
  std::string name, category;
  std::vector<std::uint64_t> flows, terminating;
  std::map<std::string, double> annotations;
  double value = 0;
};

/// A begin with its end; an instant has no length.
struct DecodedSlice {
  DecodedEvent begin;
  std::int64_t end = 0;
  std::size_t depth = 0;
};

class DecodedTrace {
 public:
  explicit DecodedTrace(const std::string& bytes) {
    protozero::pbf_reader trace(bytes);
    while (trace.next(1)) packet(trace.get_message());
    pair_slices();
  }

  std::map<std::uint64_t, DecodedTrack> tracks;
  std::vector<DecodedEvent> events;
  std::vector<DecodedSlice> slices;  // in order of begin

  /// "cluster/node 0/GPU 0 (stage 0)/compute".
  [[nodiscard]] std::string path(std::uint64_t uuid) const {
    const DecodedTrack& track = tracks.at(uuid);
    return track.parent == 0 ? track.name : path(track.parent) + "/" + track.name;
  }
  [[nodiscard]] std::vector<DecodedSlice> slices_on(const std::string& track_path) const {
    std::vector<DecodedSlice> out;
    for (const DecodedSlice& slice : slices)
      if (path(slice.begin.track) == track_path) out.push_back(slice);
    return out;
  }
  [[nodiscard]] std::vector<std::pair<std::int64_t, double>> counter_on(const std::string& track_path) const {
    std::vector<std::pair<std::int64_t, double>> out;
    for (const DecodedEvent& event : events)
      if (event.type == 4 && path(event.track) == track_path) out.emplace_back(event.time, event.value);
    return out;
  }

 private:
  using Reader = protozero::pbf_reader;
  using Names = std::map<std::uint64_t, std::string>;

  static void require(bool good, const std::string& what) {
    if (!good) throw std::runtime_error("trace: " + what);
  }
  static const std::string& resolve(const Names& names, std::uint64_t iid) {
    require(iid != 0 && names.contains(iid), "a name that was not interned");
    return names.at(iid);
  }

  void packet(Reader reader) {
    std::uint64_t timestamp = 0, sequence = 0, flags = 0;
    bool has_timestamp = false;
    Reader event, descriptor;
    while (reader.next()) switch (reader.tag()) {
        case 6: clocks(reader.get_message()); break;
        case 8:
          timestamp = reader.get_uint64();
          has_timestamp = true;
          break;
        case 10: sequence = reader.get_uint32(); break;
        case 11: event = reader.get_message(); break;
        case 12: interned(reader.get_message()); break;
        case 13: flags = reader.get_uint32(); break;
        case 59: defaults(reader.get_message()); break;
        case 60: descriptor = reader.get_message(); break;
        default: reader.skip();
      }
    require(sequence != 0, "a packet without a sequence");
    require(cleared_ || flags == 3, "the first packet does not clear the state");
    cleared_ = true;
    if (descriptor) add_track(descriptor);
    if (!event) return;
    require(flags == 2 && has_timestamp && clock_is_incremental_ && default_clock_, "an event that cannot be placed");
    now_ += static_cast<std::int64_t>(timestamp);
    add_event(event);
  }

  void clocks(Reader snapshot) {
    while (snapshot.next(1)) {
      Reader clock = snapshot.get_message();
      std::uint64_t id = 0, incremental = 0;
      while (clock.next()) {
        if (clock.tag() == 1)
          id = clock.get_uint32();
        else if (clock.tag() == 3)
          incremental = clock.get_uint32();
        else
          clock.skip();
      }
      if (id == 64 && incremental != 0) clock_is_incremental_ = true;
    }
  }

  void defaults(Reader reader) {
    while (reader.next(58)) default_clock_ = reader.get_uint32() == 64;
  }

  void interned(Reader reader) {
    while (reader.next()) {
      Names& names = reader.tag() == 1 ? categories_ : reader.tag() == 2 ? names_ : notes_;
      require(reader.tag() <= 3, "an unknown interned field");
      Reader entry = reader.get_message();
      std::uint64_t iid = 0;
      std::string name;
      while (entry.next()) {
        if (entry.tag() == 1)
          iid = entry.get_uint64();
        else
          name = entry.get_string();
      }
      require(iid != 0 && !name.empty() && !names.contains(iid), "a name interned badly or twice: " + name);
      names[iid] = name;
    }
  }

  void add_track(Reader reader) {
    DecodedTrack track;
    while (reader.next()) switch (reader.tag()) {
        case 1: track.uuid = reader.get_uint64(); break;
        case 2: track.name = reader.get_string(); break;
        case 5: track.parent = reader.get_uint64(); break;
        case 8:
          track.counter = true;
          counter_unit(reader.get_message(), track);
          break;
        case 11: track.child_ordering = reader.get_enum(); break;
        case 12: track.order = reader.get_int32(); break;
        case 14: track.description = reader.get_string(); break;
        case 15: track.sibling_merge = reader.get_enum(); break;
        default: require(false, "an unknown field of a track");
      }
    require(track.uuid != 0 && !tracks.contains(track.uuid), "a track's uuid");
    require(track.parent == 0 || tracks.contains(track.parent), "a track before its parent: " + track.name);
    require(track.child_ordering == 3 && track.sibling_merge == 2, "a track's ordering or merging");
    tracks[track.uuid] = track;
  }

  static void counter_unit(Reader reader, DecodedTrack& track) {
    while (reader.next()) {
      if (reader.tag() == 3)
        track.unit = reader.get_enum();
      else if (reader.tag() == 6)
        track.unit_name = reader.get_string();
      else
        reader.skip();
    }
  }

  void add_event(Reader reader) {
    DecodedEvent event;
    event.time = now_;
    while (reader.next()) switch (reader.tag()) {
        case 3: event.category = resolve(categories_, reader.get_uint64()); break;
        case 4: annotation(reader.get_message(), event); break;
        case 9: event.type = reader.get_uint32(); break;
        case 10: event.name = resolve(names_, reader.get_uint64()); break;
        case 11: event.track = reader.get_uint64(); break;
        case 30: event.value = static_cast<double>(reader.get_int64()); break;
        case 44: event.value = reader.get_double(); break;
        case 47: event.flows.push_back(reader.get_fixed64()); break;
        case 48: event.terminating.push_back(reader.get_fixed64()); break;
        default: require(false, "an unknown field of an event");
      }
    require(tracks.contains(event.track), "an event on no track");
    require(tracks[event.track].counter == (event.type == 4), "an event of the wrong type for its track");
    require((event.type == 1 || event.type == 3) == !event.name.empty(), "a name where none belongs, or none");
    follow_arrows(event);
    events.push_back(event);
  }

  /// An arrow's tail is seen before its head, and each once.
  void follow_arrows(const DecodedEvent& event) {
    for (const std::uint64_t id : event.flows) require(arrows_.emplace(id, 1).second, "an arrow that begins twice");
    for (const std::uint64_t id : event.terminating)
      require(arrows_.contains(id) && arrows_[id]++ == 1, "an arrow that ends before it begins, or twice");
  }

  void annotation(Reader reader, DecodedEvent& event) const {
    std::string name;
    double value = 0;
    while (reader.next()) switch (reader.tag()) {
        case 1: name = resolve(notes_, reader.get_uint64()); break;
        case 4: value = static_cast<double>(reader.get_int64()); break;
        case 5: value = reader.get_double(); break;
        default: require(false, "an unknown field of an annotation");
      }
    event.annotations[name] = value;
  }

  void pair_slices() {
    std::map<std::uint64_t, std::vector<std::size_t>> open;
    for (const DecodedEvent& event : events) {
      std::vector<std::size_t>& stack = open[event.track];
      if (event.type == 2) {
        require(!stack.empty(), "an end without a begin");
        slices[stack.back()].end = event.time;
        stack.pop_back();
      } else if (event.type != 4) {
        slices.push_back({event, event.time, stack.size()});
        if (event.type == 1) stack.push_back(slices.size() - 1);
      }
    }
    for (const auto& [track, stack] : open) require(stack.empty(), "a slice that never ends on " + path(track));
    for (const auto& [id, seen] : arrows_) require(seen == 2, "an arrow without a head");
  }

  std::int64_t now_ = 0;
  bool cleared_ = false, clock_is_incremental_ = false, default_clock_ = false;
  Names categories_, names_, notes_;
  std::map<std::uint64_t, int> arrows_;
};

}  // namespace rehearse::testing
