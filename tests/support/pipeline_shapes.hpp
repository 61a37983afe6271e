// Pipeline schedules over many shapes, for tests.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "workloads/pipeline/order_clock.hpp"

namespace rehearse::testing {

/// Calls `test(row, shape)` for every row of these names (none: every row of the table) and every shape that it can
/// run.
template <class Test>
void for_each_shape(const std::set<std::string_view>& names, Test test) {
  for (const PipelineRow& row : pipeline_table()) {
    if (!names.empty() && !names.contains(row.name)) continue;
    for (std::int32_t p : {1, 2, 3, 4, 5, 6, 8})
      for (std::int32_t m : {1, 2, 3, 4, 5, 6, 8, 9, 16, 24, 40})
        for (std::int32_t chunks : {1, 2, 3, 4}) {
          const PipelineShape shape{p, chunks, m};
          if (!row.check(shape).empty()) continue;
          CAPTURE(row.name);
          CAPTURE(p);
          CAPTURE(m);
          CAPTURE(chunks);
          test(row, shape);
        }
  }
}

/// Most activations of passes that any stage holds.
inline double most_held_of(const PipelineRow& row, const PipelineShape& shape, const PassTimes& times) {
  double most = 0;
  for (const auto& passes : row.order(shape, times)) most = std::max(most, most_held(passes, times.kept));
  return most;
}

/// Time of the passes of a stage.
inline double work_of(const PipelineRow& row, const PipelineShape& shape, const PassTimes& times) {
  const std::int32_t passes = shape.micro_batches * shape.chunks / pipeline_replicas(row.layout);
  return passes * (times.forward + times.backward_input + times.backward_weight);
}

}  // namespace rehearse::testing
