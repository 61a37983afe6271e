// Field numbers and values of Perfetto's trace format (protos/perfetto/trace/), those that we write.
#pragma once

#include <cstdint>

namespace rehearse::perfetto {

namespace trace {
inline constexpr std::uint32_t packet = 1;
}
namespace trace_packet {
inline constexpr std::uint32_t clock_snapshot = 6, timestamp = 8, sequence_id = 10, track_event = 11,
                               interned_data = 12, sequence_flags = 13, defaults = 59, track_descriptor = 60,
                               first_on_sequence = 87;
}
namespace packet_defaults {
inline constexpr std::uint32_t timestamp_clock_id = 58;
}
namespace clock_snapshot {
inline constexpr std::uint32_t clocks = 1;
}
namespace clock_field {
inline constexpr std::uint32_t id = 1, timestamp = 2, is_incremental = 3;
}
namespace descriptor {
inline constexpr std::uint32_t uuid = 1, name = 2, parent_uuid = 5, counter = 8, child_ordering = 11,
                               sibling_order_rank = 12, description = 14, sibling_merge_behavior = 15;
inline constexpr std::int32_t ordering_explicit = 3, merge_none = 2;
}  // namespace descriptor
namespace counter_descriptor {
inline constexpr std::uint32_t unit = 3, unit_name = 6, y_axis_share_key = 7;
inline constexpr std::int32_t unit_bytes = 3;
}  // namespace counter_descriptor
namespace track_event {
inline constexpr std::uint32_t category_iids = 3, debug_annotations = 4, type = 9, name_iid = 10, track_uuid = 11,
                               counter_value = 30, double_counter_value = 44, flow_ids = 47, terminating_flow_ids = 48;
inline constexpr std::uint32_t slice_begin = 1, slice_end = 2, instant = 3, counter = 4;
}  // namespace track_event
namespace annotation {
inline constexpr std::uint32_t name_iid = 1, int_value = 4, double_value = 5;
}
namespace interned {
inline constexpr std::uint32_t event_categories = 1, event_names = 2, debug_annotation_names = 3;
inline constexpr std::uint32_t iid = 1, name = 2;
}  // namespace interned

}  // namespace rehearse::perfetto
