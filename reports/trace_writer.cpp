#include "reports/trace_writer.hpp"

#include <array>
#include <ostream>
#include <protozero/pbf_writer.hpp>
#include <string_view>

#include "reports/perfetto_fields.hpp"

namespace rehearse {
namespace {

using Message = TraceWriter::Message;

using namespace perfetto;

constexpr std::uint32_t sequence = 1;            // any but 0
constexpr std::uint32_t boot_clock = 6;          // Perfetto's own; ours is tied to it at 0
constexpr std::uint32_t incremental_clock = 64;  // 64 to 127 belong to the sequence
constexpr std::uint32_t state_cleared = 3, state_needed = 2;
constexpr std::size_t buffer_size = 1U << 20U;

/// Names of debug annotations; an iid is the position plus one.
enum Note : std::uint32_t { micro_batch, layer, stage, gflop, bytes, peer_gpu };
constexpr std::array<std::string_view, 6> note_names{"micro_batch", "layer", "stage", "GFLOP", "bytes", "peer GPU"};

std::uint64_t title_iid(NameId title) { return index(title) + 1; }
std::uint64_t category_iid(Kind kind) { return static_cast<std::uint64_t>(kind) + 1; }

void add_interned(Message& data, std::uint32_t field, std::uint64_t iid, std::string_view name) {
  Message entry(data, field);
  entry.add_uint64(interned::iid, iid);
  entry.add_string(interned::name, name.data(), name.size());
}

void add_clock(Message& snapshot, std::uint32_t id, bool incremental) {
  Message clock(snapshot, clock_snapshot::clocks);
  clock.add_uint32(clock_field::id, id);
  clock.add_uint64(clock_field::timestamp, 0);
  if (incremental) clock.add_bool(clock_field::is_incremental, true);
}

void annotate(Message& event, Note note, std::int64_t value) {
  if (value < 0) return;
  Message entry(event, track_event::debug_annotations);
  entry.add_uint64(annotation::name_iid, note + 1);
  entry.add_int64(annotation::int_value, value);
}

void annotate_slice(Message& event, const TraceSlice& slice) {
  annotate(event, micro_batch, slice.tags.micro_batch);
  annotate(event, layer, slice.tags.layer);
  annotate(event, stage, slice.tags.stage);
  annotate(event, bytes, slice.bytes);
  annotate(event, peer_gpu, slice.peer);
  if (slice.gflop <= 0) return;
  Message entry(event, track_event::debug_annotations);
  entry.add_uint64(annotation::name_iid, gflop + 1);
  entry.add_double(annotation::double_value, slice.gflop);
}

void describe_counter(Message& track, Counter counts) {
  if (counts == Counter::none) return;
  Message counter(track, descriptor::counter);
  if (counts == Counter::bytes) {
    counter.add_enum(counter_descriptor::unit, counter_descriptor::unit_bytes);
    counter.add_string(counter_descriptor::y_axis_share_key, "memory");
  } else {
    counter.add_string(counter_descriptor::unit_name, "%");
    counter.add_string(counter_descriptor::y_axis_share_key, "utilisation");
  }
}

}  // namespace

TraceWriter::TraceWriter(std::ostream& out, const NamePool& titles)
    : out_(out), titles_(titles), known_titles_(titles.size()) {
  first_packet();
}

TraceWriter::~TraceWriter() = default;

void TraceWriter::first_packet() {
  Message packet(packet_);
  packet.add_uint32(trace_packet::sequence_id, sequence);
  packet.add_uint32(trace_packet::sequence_flags, state_cleared);
  packet.add_bool(trace_packet::first_on_sequence, true);
  {
    Message snapshot(packet, trace_packet::clock_snapshot);
    add_clock(snapshot, boot_clock, false);
    add_clock(snapshot, incremental_clock, true);
  }
  {
    Message defaults(packet, trace_packet::defaults);
    defaults.add_uint32(packet_defaults::timestamp_clock_id, incremental_clock);
  }
  {
    Message data(packet, trace_packet::interned_data);
    for (std::size_t i = 0; i < kind_count; ++i)
      add_interned(data, interned::event_categories, i + 1, kind_name(static_cast<Kind>(i)));
    for (std::size_t i = 0; i < note_names.size(); ++i)
      add_interned(data, interned::debug_annotation_names, i + 1, note_names[i]);
  }
  finish();
}

void TraceWriter::track(std::uint32_t position, const Track& track) {
  {
    Message packet(packet_);
    packet.add_uint32(trace_packet::sequence_id, sequence);
    Message out(packet, trace_packet::track_descriptor);
    out.add_uint64(descriptor::uuid, track_uuid(position));
    out.add_string(descriptor::name, track.name);
    if (track.parent != no_index) out.add_uint64(descriptor::parent_uuid, track_uuid(track.parent));
    describe_counter(out, track.counter);
    out.add_enum(descriptor::child_ordering, descriptor::ordering_explicit);
    out.add_int32(descriptor::sibling_order_rank, static_cast<std::int32_t>(track.order));
    if (!track.description.empty()) out.add_string(descriptor::description, track.description);
    out.add_enum(descriptor::sibling_merge_behavior, descriptor::merge_none);
  }
  finish();
}

void TraceWriter::start(Message& packet, std::int64_t time) {
  packet.add_uint64(trace_packet::timestamp, static_cast<std::uint64_t>(time - last_time_));
  packet.add_uint32(trace_packet::sequence_id, sequence);
  packet.add_uint32(trace_packet::sequence_flags, state_needed);
  last_time_ = time;
}

void TraceWriter::intern_title(Message& packet, NameId title) {
  if (known_titles_[index(title)]) return;
  known_titles_[index(title)] = true;
  Message data(packet, trace_packet::interned_data);
  add_interned(data, interned::event_names, title_iid(title), titles_[title]);
}

void TraceWriter::described_event(const TraceSlice& slice, std::int64_t time, std::uint32_t type) {
  {
    Message packet(packet_);
    start(packet, time);
    intern_title(packet, slice.title);
    Message event(packet, trace_packet::track_event);
    event.add_uint32(track_event::type, type);
    event.add_uint64(track_event::track_uuid, track_uuid(slice.track));
    event.add_uint64(track_event::name_iid, title_iid(slice.title));
    event.add_uint64(track_event::category_iids, category_iid(slice.kind));
    if (slice.sends != 0) event.add_fixed64(track_event::flow_ids, slice.sends);
    if (slice.receives != 0) event.add_fixed64(track_event::terminating_flow_ids, slice.receives);
    annotate_slice(event, slice);
  }
  finish();
}

void TraceWriter::begin(const TraceSlice& slice) { described_event(slice, slice.begin, track_event::slice_begin); }

void TraceWriter::instant(const TraceSlice& slice) { described_event(slice, slice.begin, track_event::instant); }

void TraceWriter::end(const TraceSlice& slice) {
  {
    Message packet(packet_);
    start(packet, slice.end);
    Message event(packet, trace_packet::track_event);
    event.add_uint32(track_event::type, track_event::slice_end);
    event.add_uint64(track_event::track_uuid, track_uuid(slice.track));
  }
  finish();
}

void TraceWriter::counter(std::int64_t time, std::uint32_t track, Counter counts, double value) {
  {
    Message packet(packet_);
    start(packet, time);
    Message event(packet, trace_packet::track_event);
    event.add_uint32(track_event::type, track_event::counter);
    event.add_uint64(track_event::track_uuid, track_uuid(track));
    if (counts == Counter::bytes)
      event.add_int64(track_event::counter_value, static_cast<std::int64_t>(value));
    else
      event.add_double(track_event::double_counter_value, value);
  }
  finish();
}

void TraceWriter::finish() {
  Message(buffer_).add_message(trace::packet, packet_);
  packet_.clear();
  if (buffer_.size() >= buffer_size) flush();
}

void TraceWriter::flush() {
  out_.write(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
  buffer_.clear();
}

}  // namespace rehearse
