#include "workloads/program.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>

#include "workloads/gradients.hpp"
#include "workloads/offload.hpp"
#include "workloads/optimizer.hpp"
#include "workloads/pass_template.hpp"

namespace rehearse {

namespace {

/// Sender and receiver of a message may be of different devices, and so of different builders.
using MessageNumbers = std::map<Message, std::uint32_t>;

bool is_forward(const Pass& pass) { return pass.phase == Phase::forward; }

class ProgramBuilder {
 public:
  ProgramBuilder(const Job& job, const Device& device, const ProgramOptions& options, Program& program,
                 MessageNumbers& messages)
      : model_(job.model),
        plan_(job.plan),
        framework_(job.framework),
        row_(plan_.pipeline_row()),
        shape_(plan_.shape()),
        templates_(job, device, options, program),
        order_(row_.order(shape_, row_.looks_at_times ? templates_.times() : PassTimes())),
        program_(program),
        message_number_(messages) {}

  /// Appends the program of a stage to the roles.
  void build_stage(std::int64_t stage, std::uint32_t job) {
    stage_ = stage;
    job_ = job;
    program_.roles.emplace_back();
    out_ = &program_.roles.back();
    const std::vector<Pass>& passes = order_[static_cast<std::size_t>(stage)];
    std::map<std::int32_t, std::int32_t> left;  // passes with gradients of weights, by chunk
    for (const Pass& pass : passes) left[pass.chunk] += makes_gradients(pass) ? 1 : 0;
    std::map<std::int32_t, std::int32_t> under_way;
    std::vector<PassPart> together;
    for (const Pass& pass : passes) {
      const bool last = makes_gradients(pass) && --left[pass.chunk] == 0;
      together.push_back(part_of(pass, last, under_way[pass.chunk]));
      if (pass.paired) continue;
      build_passes(together);
      together.clear();
    }
    finish_stage();
  }

 private:
  static bool makes_gradients(const Pass& pass) {
    return pass.phase == Phase::backward || pass.phase == Phase::backward_weight;
  }
  /// `under_way`: micro batches between the chunk's forward pass and the backward one that needs its parameters again.
  /// Where these stay, they do so for all of them.
  [[nodiscard]] PassPart part_of(const Pass& pass, bool last, std::int32_t& under_way) const {
    PassPart part{pass, model_chunk(pass), last};
    if (pass.phase == Phase::backward_weight) return part;
    const bool stay = !plan_.reshard_after_forward;
    const std::int32_t before = under_way;
    under_way += is_forward(pass) ? 1 : -1;
    part.gathers = !stay || (is_forward(pass) && before == 0);
    part.frees = !stay || (!is_forward(pass) && under_way == 0);
    return part;
  }
  [[nodiscard]] std::int32_t model_chunk(const Pass& pass) const {
    return model_chunk_of(row_.layout, shape_, {static_cast<std::int32_t>(stage_), pass.chunk});
  }
  /// Activations are split over the tensor ranks by sequence parallelism, or by the scatter before the send.
  [[nodiscard]] bool split_messages() const {
    return plan_.tensor > 1 && (plan_.sequence_parallel || plan_.scatter_gather);
  }
  /// Of what crosses the boundary behind a chunk.
  [[nodiscard]] Bytes message_bytes(std::int64_t chunk) const {
    const std::int64_t elements = boundary_elements(model_, plan_, chunk);
    return Bytes((split_messages() ? elements / plan_.tensor : elements) * element_bytes(plan_.precision));
  }
  [[nodiscard]] Tags tags_of(const Pass& pass) const {
    return {.micro_batch = pass.micro_batch, .stage = static_cast<std::int16_t>(stage_)};
  }

  [[nodiscard]] Instruction instruction_of(const PassPart& part, Instruction::Type type, std::uint32_t index) const {
    return {.type = type,
            .phase = part.pass.phase,
            .chunk = static_cast<std::int16_t>(part.chunk),
            .index = index,
            .tags = tags_of(part.pass)};
  }

  void build_passes(const std::vector<PassPart>& parts) {
    for (const PassPart& part : parts) receive(part);
    for (const PassItem& item : templates_.of(parts)) {
      const PassPart& part = parts[item.part];
      Instruction i = instruction_of(part, item.item.type, item.item.index);
      i.tags.layer = item.item.layer;
      out_->push_back(i);
    }
    for (const PassPart& part : parts) send(part);
  }

  /// The model chunk on the other side of a pass: that it gets from, or that it gives to. None: -1.
  [[nodiscard]] std::int32_t neighbour(const PassPart& part, bool gives) const {
    if (part.pass.phase == Phase::backward_weight) return -1;
    const std::int32_t chunk = part.chunk + (is_forward(part.pass) == gives ? 1 : -1);
    return chunk < plan_.chunks() ? chunk : -1;
  }
  [[nodiscard]] std::int32_t stage_of(std::int32_t chunk, const Pass& pass) const {
    return place_of(row_.layout, shape_, chunk, replica_of(row_.layout, pass.micro_batch)).stage;
  }

  void receive(const PassPart& part) {
    const std::int32_t from = neighbour(part, false);
    if (from < 0 || stage_of(from, part.pass) == stage_) return;
    message(Instruction::Type::receive, part, from, std::min(from, part.chunk), stage_of(from, part.pass));
    // The scattered shares are gathered on arrival (Narayanan et al. 2021, Section 4.1).
    if (split_messages() && !plan_.sequence_parallel)
      out_->push_back(instruction_of(part, Instruction::Type::collective, gather_call(std::min(from, part.chunk))));
  }

  void send(const PassPart& part) {
    const std::int32_t to = neighbour(part, true);
    if (to < 0 || stage_of(to, part.pass) == stage_) return;
    message(Instruction::Type::send, part, part.chunk, std::min(to, part.chunk), stage_of(to, part.pass));
  }

  /// `boundary`: the model chunk that it lies behind.
  void message(Instruction::Type type, const PassPart& part, std::int32_t sender, std::int32_t boundary,
               std::int32_t peer) {
    const Message whole{is_forward(part.pass) ? Phase::forward : Phase::backward,
                        part.pass.micro_batch,
                        sender,
                        job_,
                        message_bytes(boundary),
                        !plan_.overlap_p2p};
    const auto found = message_number_.try_emplace(whole, static_cast<std::uint32_t>(program_.messages.size()));
    if (found.second) program_.messages.push_back(whole);
    out_->push_back(instruction_of(part, type, found.first->second));
    out_->back().peer = static_cast<std::uint32_t>(peer);
  }

  std::uint32_t gather_call(std::int64_t boundary) {
    const auto [found, fresh] = gathers_.try_emplace(boundary, static_cast<std::uint32_t>(program_.calls.size()));
    if (fresh)
      program_.calls.push_back({{.op = CollectiveOp::all_gather,
                                 .elements = boundary_elements(model_, plan_, boundary),
                                 .element_bytes = element_bytes(plan_.precision),
                                 .kind = Kind::pipeline_comm,
                                 .operand = Operand::activations},
                                "all_gather activations"});
    return found->second;
  }

  /// What follows the last backward pass: sums of gradients that are not made yet, the optimizer.
  void finish_stage() {
    HeldParameters held;
    for (std::int32_t c = 0; c < shape_.chunks; ++c) {
      const std::int32_t chunk = model_chunk_of(row_.layout, shape_, {static_cast<std::int32_t>(stage_), c});
      held += chunk_held(model_, plan_, chunk);
      if (!plan_.overlap_grad_reduce && !plan_.reduce_every_micro_batch && plan_.zero < 3)
        append(gradient_reductions(model_, plan_, chunk), chunk);
    }
    out_->push_back({.type = Instruction::Type::wait, .index = no_index});
    append_overhead();
    append(other_reductions(model_, plan_, held, stage_));
    append(optimizer_steps(model_, plan_, stepped_parameters(plan_, held)));
    if (plan_.offload_optimizer) append(step_on_host(plan_, held));
    append(parameter_gathers(plan_, held));
  }

  void append_overhead() {
    if (framework_.iteration == Seconds()) return;
    if (!overhead_) {
      overhead_ = static_cast<std::uint32_t>(program_.segments.size());
      program_.segments.push_back({.name = "framework",
                                   .kind = Kind::other,
                                   .duration = framework_.iteration,
                                   .flops = {},
                                   .parts = {{"framework", framework_.iteration, {}}},
                                   .memory = {}});
    }
    out_->push_back({.index = *overhead_, .tags = {.stage = static_cast<std::int16_t>(stage_)}});
  }

  void append(const Steps& steps, std::int32_t chunk = -1) {
    for (const SegmentItem& item : templates_.add(steps))
      out_->push_back({.type = item.type,
                       .chunk = static_cast<std::int16_t>(chunk),
                       .index = item.index,
                       .tags = {.stage = static_cast<std::int16_t>(stage_)}});
  }

  const Model& model_;
  const Plan& plan_;
  const Framework& framework_;
  const PipelineRow& row_;
  PipelineShape shape_;
  PassTemplates templates_;
  std::vector<std::vector<Pass>> order_;  // by stage
  Program& program_;
  std::int64_t stage_ = 0;
  std::uint32_t job_ = 0;
  std::vector<Instruction>* out_ = nullptr;
  std::optional<std::uint32_t> overhead_;  // segment
  MessageNumbers& message_number_;
  std::map<std::int64_t, std::uint32_t> gathers_;  // calls, by boundary
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
