// The text form of a Schedule, after the idea of LogGOPSim's GOAL: one thing a line, keyword and value pairs.
//
//   schedule ranks 2
//   lane 0 rank 0 "compute"
//   part 0 "qkv" 0.001 2.5e9          (index of the group, name, seconds, FLOPs; a group may have many)
//   load 0 path 3 1024                (index of the group, path, bytes)
//   op 0 compute "layer 0" kind forward amount 0.001 lane 0 parts 0 mb 0 layer 0 stage 0
//   op 1 flow "send" kind pipeline_comm amount 1024 from 0 to 1 path 3 rounds 1 after 1 0   (a count, then ids)
//   op 2 join "" kind other after 2 0 1
//   span "all_reduce" kind data_comm lane 1 opens 0 closes 2 bytes 1024 share 0.125     (no share: 0)
//
// In a name \" stands for a quote, \\ for a backslash and \n for the end of a line. Reading: schedule_text_read.cpp.
#include <ostream>

#include <fmt/format.h>

#include "engine/schedule.hpp"

namespace rehearse {

namespace {

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out + '"';
}

std::string tags_text(const Tags& tags) {
  std::string out;
  if (tags.micro_batch >= 0) out += fmt::format(" mb {}", tags.micro_batch);
  if (tags.layer >= 0) out += fmt::format(" layer {}", tags.layer);
  if (tags.stage >= 0) out += fmt::format(" stage {}", tags.stage);
  return out;
}

std::string op_text(const Schedule& s, const Op& op) {
  std::string out = fmt::format("{} {} kind {}", op_type_name(op.type), quoted(s.name(op.name)), kind_name(op.kind));
  if (op.type == OpType::compute) {
    out += fmt::format(" amount {}", op.amount);
    if (op.where != no_index) out += fmt::format(" lane {}", op.where);
    if (op.detail != no_index) out += fmt::format(" parts {}", op.detail);
    if (op.extra != no_index) out += fmt::format(" loads {}", op.extra);
  } else if (op.type == OpType::flow) {
    out +=
        fmt::format(" amount {} from {} to {} path {} rounds {}", op.amount, op.detail, op.extra, op.where, op.rounds);
  }
  return out + tags_text(op.tags);
}

}  // namespace

void write_text(const Schedule& s, std::ostream& out) {
  out << fmt::format("schedule ranks {}\n", s.rank_count());
  for (std::size_t i = 0; i < s.lanes().size(); ++i)
    out << fmt::format("lane {} rank {} {}\n", i, index(s.lanes()[i].rank), quoted(s.name(s.lanes()[i].name)));
  for (std::uint32_t g = 0; g < s.part_group_count(); ++g)
    for (const Part& p : s.part_group(g))
      out << fmt::format("part {} {} {} {}\n", g, quoted(s.name(p.name)), p.duration.value(), p.flops.value());
  for (std::uint32_t g = 0; g < s.load_group_count(); ++g)
    for (const Load& l : s.load_group(g)) out << fmt::format("load {} path {} {}\n", g, index(l.path), l.bytes.value());
  std::vector<std::string> after(s.size());
  std::vector<std::size_t> after_count(s.size());
  for (std::uint32_t i = 0; i < s.size(); ++i)
    for (OpId next : s.successors(OpId{i})) {
      after[index(next)] += fmt::format(" {}", i);
      ++after_count[index(next)];
    }
  for (std::size_t i = 0; i < s.size(); ++i) {
    out << fmt::format("op {} {}", i, op_text(s, s.ops()[i]));
    if (after_count[i] > 0) out << fmt::format(" after {}{}", after_count[i], after[i]);
    out << '\n';
  }
  for (const Span& span : s.spans())
    out << fmt::format("span {} kind {} lane {} opens {} closes {} bytes {}{}{}\n", quoted(s.name(span.name)),
                       kind_name(span.kind), index(span.lane), index(span.opens), index(span.closes),
                       span.bytes.value(), span.share == 0 ? "" : fmt::format(" share {}", span.share),
                       tags_text(span.tags));
}

}  // namespace rehearse
