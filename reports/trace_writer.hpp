// TrackEvent packets: one sequence, interned names, timestamps as differences. Field numbers are Perfetto's
// (protos/perfetto/trace/); what they have to look like to load was checked with Perfetto's own trace processor.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "reports/trace_slices.hpp"
#include "reports/trace_tracks.hpp"

namespace protozero {
template <typename TBuffer>
class basic_pbf_writer;
}

namespace rehearse {

/// Writes a trace to a stream. Tracks come first, then events in order of time.
class TraceWriter {
 public:
  using Message = protozero::basic_pbf_writer<std::string>;

  /// `titles` holds the names of all slices that will be written.
  TraceWriter(std::ostream& out, const NamePool& titles);
  ~TraceWriter();
  TraceWriter(const TraceWriter&) = delete;
  TraceWriter& operator=(const TraceWriter&) = delete;

  void track(std::uint32_t position, const Track& track);
  void begin(const TraceSlice& slice);
  void end(const TraceSlice& slice);
  void instant(const TraceSlice& slice);  ///< a slice without length
  void counter(std::int64_t time, std::uint32_t track, Counter counts, double value);
  /// Hand the rest to the stream.
  void flush();

 private:
  void first_packet();
  void start(Message& packet, std::int64_t time);
  void described_event(const TraceSlice& slice, std::int64_t time, std::uint32_t type);
  void intern_title(Message& packet, NameId title);
  void finish();

  std::ostream& out_;
  const NamePool& titles_;
  std::vector<bool> known_titles_;
  std::int64_t last_time_ = 0;
  std::string packet_;  // the one being written
  std::string buffer_;  // finished ones
};

}  // namespace rehearse
