#include "workloads/segments.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "workloads/issue_clock.hpp"

namespace rehearse {

namespace {

std::string phase_suffix(Kind kind) {
  if (kind == Kind::backward) return " backward";
  if (kind == Kind::backward_weight) return " weights";
  if (kind == Kind::recompute) return " recompute";
  return "";
}

/// "layer 3 attention", "layer 3", "layers 3-5 backward", "head": what a run of kernels covers.
std::string cover_name(const KernelStep& first, const KernelStep& last) {
  const std::string suffix = phase_suffix(first.kind);
  if (first.layer == last.layer && first.block == last.block)
    return (first.layer < 0 ? std::string(first.block) : fmt::format("layer {} {}", first.layer, first.block)) + suffix;
  const auto place = [](const KernelStep& s) { return s.layer < 0 ? std::string(s.block) : std::to_string(s.layer); };
  if (first.layer == last.layer) return fmt::format("layer {}{}", place(first), suffix);
  return fmt::format("layers {}-{}{}", place(first), place(last), suffix);
}

class SegmentWriter {
 public:
  SegmentWriter(const Device& device, const SegmentOptions& options, BlockNumbers& numbers, Program& program)
      : device_(device),
        merge_(options.merge),
        cost_(options.cost),
        libraries_(options.libraries),
        clock_(options.host),
        numbers_(numbers),
        program_(program) {
    clock_.spend(options.before);
  }

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

  void add(const WaitStep& step) {
    flush();
    items_.push_back({Instruction::Type::wait, static_cast<std::uint32_t>(step.handle), -1});
  }

  void add(const HostStep& step) {
    flush();
    items_.push_back({Instruction::Type::host, static_cast<std::uint32_t>(program_.host.size()), step.layer});
    program_.host.push_back(
        {step, step.layer >= 0 ? fmt::format("{} layer {}", step.name, step.layer) : std::string(step.name)});
  }

  void add(const MemoryStep& step) {
    const MemoryBlock block{std::string(step.name), step.layer, step.use, step.of_all};
    const auto [found, fresh] = numbers_.try_emplace(block, static_cast<std::uint32_t>(program_.blocks.size()));
    if (fresh) program_.blocks.push_back(block);
    pending_.push_back({static_cast<std::uint32_t>(run_.size()), found->second, step.bytes});
  }

  std::vector<SegmentItem> take() {
    flush();
    return std::move(items_);
  }

 private:
  void flush() {
    if (run_.empty() && (pending_.empty() || !is_costly())) return flush_memory();
    if (run_.empty()) return flush_calls();
    Segment segment{.name = cover_name(run_.front(), run_.back()),
                    .block = std::string(run_.front().block),
                    .kind = run_.front().kind,
                    .layer = run_.front().layer,
                    .duration = {},
                    .flops = {},
                    .parts = {},
                    .memory = std::move(pending_)};
    if (!merge_) segment.name += " " + run_.front().kernel.name;
    for (const KernelStep& step : run_) {
      const Seconds time = clock_.add(step.kind, step.kernel.launches(), time_of(step.kernel));
      segment.parts.push_back({step.kernel.name, time, step.kernel.flops()});
      segment.duration += time;
      segment.flops = segment.flops + step.kernel.flops();
    }
    push(std::move(segment));
    run_.clear();
    pending_.clear();
  }

  /// Events with no kernel beside them that take time.
  void flush_calls() {
    push({.name = "allocation",
          .kind = Kind::other,
          .duration = {},
          .flops = {},
          .parts = {{"allocation", {}, {}}},
          .memory = std::move(pending_)});
    pending_.clear();
  }

  [[nodiscard]] Seconds time_of(const Kernel& kernel) const {
    const bool stream = std::holds_alternative<Stream>(kernel.work);
    return device_.sustained_time(kernel) / (stream ? libraries_.streams : libraries_.products);
  }

  void push(Segment segment) {
    for (const MemoryEvent& event : segment.memory) {
      const Seconds cost = event.bytes > Bytes(0) ? cost_.make : cost_.unmake;
      segment.parts[std::min<std::size_t>(event.part, segment.parts.size() - 1)].duration += cost;
      segment.duration += cost;
    }
    items_.push_back({Instruction::Type::compute, static_cast<std::uint32_t>(program_.segments.size()), segment.layer});
    program_.segments.push_back(std::move(segment));
  }

  [[nodiscard]] bool is_costly() const { return cost_.make > Seconds() || cost_.unmake > Seconds(); }

  /// Events with no kernel beside them.
  void flush_memory() {
    for (const MemoryEvent& event : pending_) {
      items_.push_back({Instruction::Type::memory, static_cast<std::uint32_t>(program_.memory.size()), -1});
      program_.memory.push_back(event);
    }
    pending_.clear();
  }

  const Device& device_;
  bool merge_;
  BlockCost cost_;
  LibraryKernels libraries_;
  IssueClock clock_;
  BlockNumbers& numbers_;
  Program& program_;
  std::vector<KernelStep> run_;
  std::vector<SegmentItem> items_;
  std::vector<MemoryEvent> pending_;  // of the run so far
};

}  // namespace

std::vector<SegmentItem> add_segments(const Steps& steps, const Device& device, const SegmentOptions& options,
                                      BlockNumbers& numbers, Program& program) {
  SegmentWriter writer(device, options, numbers, program);
  for (const Step& step : steps) std::visit([&](const auto& s) { writer.add(s); }, step);
  return writer.take();
}

}  // namespace rehearse
