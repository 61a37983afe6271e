#include "workloads/program.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "workloads/gradient_buckets.hpp"
#include "workloads/memory.hpp"
#include "workloads/pipeline/schedule.hpp"
#include "workloads/segments.hpp"

namespace rehearse {

namespace {

/// Sender and receiver of a message may be of different devices, and so of different builders.
using MessageNumbers = std::map<Message, std::uint32_t>;

class ProgramBuilder {
 public:
  ProgramBuilder(const Job& job, const Device& device, const ProgramOptions& options, Program& program,
                 MessageNumbers& messages)
      : model_(job.model),
        plan_(job.plan),
        device_(device),
        activations_(chunk_activations(job.model, job.plan)),
        options_(options),
        program_(program),
        message_number_(messages) {}

  /// Appends the program of a stage to the roles.
  void build_stage(std::int64_t stage, std::uint32_t job) {
    stage_ = stage;
    job_ = job;
    program_.roles.emplace_back();
    out_ = &program_.roles.back();
    const std::vector<Pass> order = pipeline_table().find(plan_.schedule)->order(plan_, stage);
    std::map<std::int32_t, std::int32_t> backward_left;  // by chunk
    for (const Pass& pass : order) backward_left[pass.chunk] += pass.phase == Phase::backward ? 1 : 0;
    for (const Pass& pass : order) {
      const bool last = pass.phase == Phase::backward && --backward_left[pass.chunk] == 0;
      build_pass(pass, last && plan_.overlap_grad_reduce);
    }
    finish_stage();
  }

 private:
  [[nodiscard]] std::int64_t boundary_elements() const { return plan_.micro_batch * model_.seq_len * model_.hidden; }
  /// Activations are split over the tensor ranks by sequence parallelism, or by the scatter before the send.
  [[nodiscard]] bool split_messages() const {
    return plan_.tensor > 1 && (plan_.sequence_parallel || plan_.scatter_gather);
  }
  [[nodiscard]] Bytes message_bytes() const {
    const std::int64_t elements = split_messages() ? boundary_elements() / plan_.tensor : boundary_elements();
    return Bytes(elements * element_bytes(plan_.precision));
  }

  void build_pass(const Pass& pass, bool reduce_gradients) {
    const std::int64_t chunk = pass.chunk * plan_.pipeline + stage_;
    const bool forward = pass.phase == Phase::forward;
    const Tags tags{.micro_batch = pass.micro_batch, .stage = static_cast<std::int16_t>(stage_)};
    const std::int64_t before = forward ? chunk - 1 : chunk + 1;
    const std::int64_t after = forward ? chunk + 1 : chunk - 1;
    if (before >= 0 && before < plan_.chunks()) receive(pass, before, tags);
    if (forward) memory(activations_[static_cast<std::size_t>(chunk)], tags);
    for (const SegmentItem& item : pass_template(chunk, pass.phase, reduce_gradients)) {
      Tags at = tags;
      at.layer = item.layer;
      out_->push_back({.type = item.type, .index = item.index, .tags = at});
    }
    if (!forward) memory(Bytes(0) - activations_[static_cast<std::size_t>(chunk)], tags);
    if (after >= 0 && after < plan_.chunks())
      message(Instruction::Type::send, {pass.phase, pass.micro_batch, static_cast<std::int32_t>(chunk)}, after, tags);
  }

  void receive(const Pass& pass, std::int64_t from_chunk, Tags tags) {
    message(Instruction::Type::receive, {pass.phase, pass.micro_batch, static_cast<std::int32_t>(from_chunk)},
            from_chunk, tags);
    // The scattered shares are gathered on arrival (Narayanan et al. 2021, Section 4.1).
    if (split_messages() && !plan_.sequence_parallel)
      out_->push_back({.type = Instruction::Type::collective, .index = gather_call(), .tags = tags});
  }

  void message(Instruction::Type type, const Message& m, std::int64_t peer_chunk, Tags tags) {
    const Message whole{m.phase, m.micro_batch, m.chunk, job_, message_bytes(), !plan_.overlap_p2p};
    const auto found = message_number_.try_emplace(whole, static_cast<std::uint32_t>(program_.messages.size()));
    if (found.second) program_.messages.push_back(whole);
    out_->push_back({.type = type,
                     .index = found.first->second,
                     .peer = static_cast<std::uint32_t>(peer_chunk % plan_.pipeline),
                     .tags = tags});
  }

  void memory(Bytes bytes, Tags tags) {
    out_->push_back({.type = Instruction::Type::memory, .tags = tags, .bytes = bytes});
  }

  std::uint32_t gather_call() {
    if (gather_ == no_index) {
      gather_ = static_cast<std::uint32_t>(program_.calls.size());
      program_.calls.push_back({{.op = CollectiveOp::all_gather,
                                 .elements = boundary_elements(),
                                 .element_bytes = element_bytes(plan_.precision),
                                 .kind = Kind::pipeline_comm},
                                "all_gather activations"});
    }
    return gather_;
  }

  /// Segments and calls of a pass; the same for every micro batch.
  const std::vector<SegmentItem>& pass_template(std::int64_t chunk, Phase phase, bool reduce_gradients) {
    const auto key = std::tuple(chunk, phase, reduce_gradients);
    const auto found = passes_.find(key);
    if (found != passes_.end()) return found->second;
    Steps steps = phase == Phase::forward ? forward_steps(model_, plan_, chunk) : backward_steps(model_, plan_, chunk);
    if (reduce_gradients) steps = with_gradient_buckets(std::move(steps), model_, plan_, chunk);
    return passes_[key] = add_segments(steps, device_, options_.merge_kernels, program_);
  }

  /// What follows the last backward pass: reductions that were not overlapped, the tied embedding, the optimizer.
  void finish_stage() {
    Steps steps;
    std::int64_t parameters = 0;
    for (std::int64_t c = 0; c < plan_.virtual_stages; ++c) {
      const std::int64_t chunk = c * plan_.pipeline + stage_;
      parameters += chunk_parameters(model_, plan_, chunk);
      if (!plan_.overlap_grad_reduce)
        for (const CollectiveStep& step : gradient_buckets(model_, plan_, chunk)) steps.emplace_back(step);
    }
    append(steps);
    out_->push_back({.type = Instruction::Type::wait});
    steps.clear();
    const bool holds_table = stage_ == 0 || stage_ + 1 == plan_.pipeline;
    if (model_.tied_embeddings && plan_.pipeline > 1 && holds_table) steps.emplace_back(embedding_reduction());
    const std::int64_t shards = plan_.zero >= 1 ? plan_.data : 1;
    for (Step& step : optimizer_steps(plan_, (parameters + shards - 1) / shards)) steps.push_back(std::move(step));
    if (plan_.zero >= 1 && plan_.data > 1) steps.emplace_back(parameter_gather(plan_, parameters));
    append(steps);
  }

  [[nodiscard]] CollectiveStep embedding_reduction() const {
    return {.group = GroupKind::embedding,
            .op = CollectiveOp::all_reduce,
            .elements = padded_vocab(model_, plan_) / plan_.tensor * model_.hidden,
            .element_bytes = element_bytes(plan_.gradient_precision),
            .kind = Kind::embedding_comm};
  }

  void append(const Steps& steps) {
    const Tags tags{.stage = static_cast<std::int16_t>(stage_)};
    for (const SegmentItem& item : add_segments(steps, device_, options_.merge_kernels, program_))
      out_->push_back({.type = item.type, .index = item.index, .tags = tags});
  }

  const Model& model_;
  const Plan& plan_;
  const Device& device_;
  std::vector<Bytes> activations_;  // that one micro batch keeps, by chunk
  ProgramOptions options_;
  Program& program_;
  std::int64_t stage_ = 0;
  std::uint32_t job_ = 0;
  std::vector<Instruction>* out_ = nullptr;
  std::map<std::tuple<std::int64_t, Phase, bool>, std::vector<SegmentItem>> passes_;
  MessageNumbers& message_number_;
  std::uint32_t gather_ = no_index;
};

}  // namespace

Program build_program(std::span<const Job> jobs, const JobLayout& layout, const Cluster& cluster,
                      const ProgramOptions& options) {
  Program program;
  MessageNumbers messages;
  std::map<std::pair<std::uint32_t, std::uint32_t>, ProgramBuilder> builders;  // by job and device
  for (const Role& role : layout.roles()) {
    const auto [builder, fresh] = builders.try_emplace({role.job, role.group}, jobs[role.job],
                                                       cluster.groups()[role.group].device, options, program, messages);
    builder->second.build_stage(role.stage, role.job);
  }
  return program;
}

}  // namespace rehearse
