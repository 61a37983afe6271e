// Plan: how a model is spread over GPUs and in which order its work is done.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/document.hpp"
#include "engine/base/units.hpp"
#include "platforms/kernel.hpp"
#include "workloads/model.hpp"

namespace rehearse {

/// `unfused`: matrix products and a softmax that pass through memory; `flash`: one kernel (Dao et al. 2022).
enum class AttentionKind : std::uint8_t { unfused, flash };
enum class Recompute : std::uint8_t { none, selective, full };

struct Plan {
  std::int64_t tensor = 1, pipeline = 1, data = 1;
  std::int64_t micro_batch = 1;
  std::int64_t global_batch = 1;
  std::string schedule = "1f1b";    ///< a row of pipeline_table()
  std::int64_t virtual_stages = 1;  ///< model chunks a GPU (interleaved)
  bool sequence_parallel = false;   ///< Korthikanti et al. 2022
  std::int64_t context = 1, expert = 1;
  std::int64_t zero = 0;  ///< 0, or 1: optimizer states sharded over the data group
  Recompute recompute = Recompute::none;
  AttentionKind attention = AttentionKind::unfused;
  Precision precision = Precision::bf16;
  Precision gradient_precision = Precision::fp32;  ///< of the gradient buffer and its reduction
  bool overlap_grad_reduce = false;                ///< reduce a bucket as soon as its layers' last backward is done
  Bytes bucket_size;                               ///< of gradients; 0: one bucket a model chunk
  bool overlap_p2p = false;                        ///< a sender goes on computing while its activations travel
  bool scatter_gather = true;  ///< tensor ranks each send a share and gather it (Narayanan et al. 2021, 4.1)

  [[nodiscard]] std::int64_t gpus() const { return tensor * pipeline * data; }
  [[nodiscard]] std::int64_t micro_batches() const { return global_batch / (micro_batch * data); }
  [[nodiscard]] std::int64_t chunks() const { return pipeline * virtual_stages; }
};

/// Read a plan for `gpus` GPUs. `data` may be left out: it is what remains. Faults are noted on the reader.
Plan read_plan(Reader& reader, std::int64_t gpus);
Value to_value(const Plan& plan);
std::string_view recompute_name(Recompute recompute);

/// Why a plan cannot run, by key; not an error of the program nor of the file's form.
struct PlanFault {
  std::string key_path;  ///< "plan.tensor"
  std::string message;
};

/// What keeps `plan` from running `model` on `gpus` GPUs; empty: nothing (memory is judged elsewhere).
std::vector<PlanFault> check_plan(const Model& model, const Plan& plan, std::int64_t gpus);

}  // namespace rehearse
