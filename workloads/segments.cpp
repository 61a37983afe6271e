#include "workloads/segments.hpp"

#include <fmt/format.h>

namespace rehearse {

namespace {

std::string phase_suffix(Kind kind) {
  if (kind == Kind::backward) return " backward";
  if (kind == Kind::recompute) return " recompute";
  return "";
}

/// "layer 3 attention", "layer 3", "layers 3-5 backward", "head": what a run of kernels covers.
std::string cover_name(const KernelStep& first, const KernelStep& last) {
  const std::string suffix = phase_suffix(first.kind);
  if (first.layer == last.layer && std::string_view(first.block) == last.block)
    return (first.layer < 0 ? std::string(first.block) : fmt::format("layer {} {}", first.layer, first.block)) + suffix;
  const auto place = [](const KernelStep& s) { return s.layer < 0 ? std::string(s.block) : std::to_string(s.layer); };
  if (first.layer == last.layer) return fmt::format("layer {}{}", place(first), suffix);
  return fmt::format("layers {}-{}{}", place(first), place(last), suffix);
}

class SegmentWriter {
 public:
  SegmentWriter(const Device& device, bool merge, Program& program)
      : device_(device), merge_(merge), program_(program) {}

  void add(const KernelStep& step) {
    if (!run_.empty() && (!merge_ || run_.front().kind != step.kind)) flush();
    run_.push_back(step);
  }

  void add(const CollectiveStep& step) {
    flush();
    const std::string_view op = collective_op_name(step.op);
    const std::string name = step.layer >= 0 ? fmt::format("{} layer {}", op, step.layer) : std::string(op);
    items_.push_back({Instruction::Type::collective, static_cast<std::uint32_t>(program_.calls.size()), step.layer});
    program_.calls.push_back({step, name});
  }

  std::vector<SegmentItem> take() {
    flush();
    return std::move(items_);
  }

 private:
  void flush() {
    if (run_.empty()) return;
    Segment segment{
        .name = cover_name(run_.front(), run_.back()), .kind = run_.front().kind, .layer = run_.front().layer};
    if (!merge_) segment.name += " " + run_.front().kernel.name;
    for (const KernelStep& step : run_) {
      const Seconds time = device_.time(step.kernel);
      segment.parts.push_back({step.kernel.name, time, step.kernel.flops()});
      segment.duration += time;
      segment.flops = segment.flops + step.kernel.flops();
    }
    items_.push_back({Instruction::Type::compute, static_cast<std::uint32_t>(program_.segments.size()), segment.layer});
    program_.segments.push_back(std::move(segment));
    run_.clear();
  }

  const Device& device_;
  bool merge_;
  Program& program_;
  std::vector<KernelStep> run_;
  std::vector<SegmentItem> items_;
};

}  // namespace

std::vector<SegmentItem> add_segments(const Steps& steps, const Device& device, bool merge, Program& program) {
  SegmentWriter writer(device, merge, program);
  for (const Step& step : steps) std::visit([&](const auto& s) { writer.add(s); }, step);
  return writer.take();
}

}  // namespace rehearse
