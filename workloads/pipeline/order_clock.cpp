#include "workloads/pipeline/order_clock.hpp"

#include <algorithm>
#include <optional>

namespace rehearse {

namespace {

double duration(const PassTimes& times, Phase phase) {
  switch (phase) {
    case Phase::forward: return times.forward;
    case Phase::backward: return times.backward_input + times.backward_weight;
    case Phase::backward_input: return times.backward_input;
    case Phase::backward_weight: return times.backward_weight;
  }
  return 0;
}

class Clock {
 public:
  Clock(ChunkLayout layout, const PipelineShape& shape, const PassTimes& times)
      : layout_(layout),
        shape_(shape),
        times_(times),
        chunks_(model_chunks(layout, shape)),
        forward_(static_cast<std::size_t>(chunks_) * static_cast<std::size_t>(shape.micro_batches)),
        backward_(forward_) {}

  OrderTimes walk(const std::vector<std::vector<Pass>>& order) {
    OrderTimes out;
    out.spans.resize(order.size());
    for (bool moved = true; moved;) {
      moved = false;
      for (std::size_t s = 0; s < order.size(); ++s)
        while (step(order[s], static_cast<std::int32_t>(s), out.spans[s])) moved = true;
    }
    for (const auto& spans : out.spans) {
      if (spans.empty()) continue;
      out.makespan = std::max(out.makespan, spans.back().end);
      out.longest_stage = std::max(out.longest_stage, spans.back().end - spans.front().begin);
    }
    return out;
  }

 private:
  using End = std::optional<double>;  // none: not yet

  /// Does the stage's next pass, or pair of passes; false where it waits or has done all.
  bool step(const std::vector<Pass>& passes, std::int32_t stage, std::vector<PassSpan>& spans) {
    const std::size_t first = spans.size();
    if (first == passes.size()) return false;
    std::size_t last = first;
    while (passes[last].paired && last + 1 < passes.size()) ++last;
    PassSpan span{spans.empty() ? 0 : spans.back().end, 0};
    double work = 0;
    for (std::size_t i = first; i <= last; ++i) {
      const End ready = ready_at(passes[i], stage);
      if (!ready) return false;
      span.begin = std::max(span.begin, *ready);
      work += duration(times_, passes[i].phase);
    }
    span.end = span.begin + work;
    for (std::size_t i = first; i <= last; ++i) finish(passes[i], stage, span);
    spans.insert(spans.end(), last + 1 - first, span);
    return true;
  }

  [[nodiscard]] End ready_at(const Pass& pass, std::int32_t stage) const {
    const std::int32_t chunk = model_chunk_of(layout_, shape_, {stage, pass.chunk});
    if (pass.phase == Phase::forward) return chunk == 0 ? 0 : arrival(forward_, pass, stage, chunk - 1);
    if (pass.phase == Phase::backward_weight) return backward_[index(pass, chunk)];
    const End own = forward_[index(pass, chunk)];
    if (!own || chunk + 1 == chunks_) return own;
    const End after = arrival(backward_, pass, stage, chunk + 1);
    return after ? std::max(*own, *after) : after;
  }

  /// When what the pass of another model chunk sends is on this stage.
  [[nodiscard]] End arrival(const std::vector<End>& ends, const Pass& pass, std::int32_t stage,
                            std::int32_t from) const {
    const End end = ends[index(pass, from)];
    const ChunkPlace place = place_of(layout_, shape_, from, replica_of(layout_, pass.micro_batch));
    return !end || place.stage == stage ? end : *end + times_.message;
  }

  void finish(const Pass& pass, std::int32_t stage, const PassSpan& span) {
    if (pass.phase == Phase::backward_weight) return;
    auto& ends = pass.phase == Phase::forward ? forward_ : backward_;
    ends[index(pass, model_chunk_of(layout_, shape_, {stage, pass.chunk}))] = span.end;
  }

  [[nodiscard]] std::size_t index(const Pass& pass, std::int32_t chunk) const {
    return static_cast<std::size_t>(pass.micro_batch) * static_cast<std::size_t>(chunks_) +
           static_cast<std::size_t>(chunk);
  }

  ChunkLayout layout_;
  PipelineShape shape_;
  PassTimes times_;
  std::int32_t chunks_;
  std::vector<End> forward_, backward_;  // by micro batch and model chunk; the backward's are those of inputs
};

}  // namespace

OrderTimes time_order(ChunkLayout layout, const PipelineShape& shape, const std::vector<std::vector<Pass>>& order,
                      const PassTimes& times) {
  return Clock(layout, shape, times).walk(order);
}

double most_held(const std::vector<Pass>& passes, double kept) {
  double held = 0, most = 0;
  for (const Pass& pass : passes) {
    if (pass.phase == Phase::forward) most = std::max(most, held += 1);
    if (pass.phase == Phase::backward) held -= 1;
    if (pass.phase == Phase::backward_input) held -= 1 - kept;
    if (pass.phase == Phase::backward_weight) held -= kept;
  }
  return most;
}

}  // namespace rehearse
