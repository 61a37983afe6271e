// RankState: everything that one rank has, and nothing that another has. Private to workloads/proof.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "workloads/communication.hpp"
#include "workloads/proof/gradient_buffer.hpp"
#include "workloads/proof/player.hpp"
#include "workloads/proof/rank_shape.hpp"
#include "workloads/proof/tensor_store.hpp"

namespace rehearse {

/// What all ranks are told: the program, and the numbers that everyone can make.
struct ProofScene {
  const Job& job;
  const Program& program;
  const Communication& communication;
  Batch batch;
  double token_share = 0;  ///< of each token's loss in the batch's
  std::uint64_t seed = 0;
  double learning_rate = 0;
};

/// What enters or leaves a tensor-parallel region, whole or in pieces that a collective brings one by one.
class Region {
 public:
  void set(Matrix whole);
  /// A piece of a product that is to be reduced.
  void set_part(std::int64_t i, std::int64_t parts, Matrix value);
  [[nodiscard]] const Matrix& whole() const { return whole_; }
  /// Piece i, of several; ProofFault where it did not come.
  [[nodiscard]] const Matrix& part(std::int64_t i) const;
  /// What a reduction gave: the whole, or its pieces one below the other.
  [[nodiscard]] Matrix reduced() const;

  [[nodiscard]] std::int64_t columns() const;
  /// For collectives: which piece comes next, of so many.
  std::int64_t next_call(std::int64_t parts, bool gathers);
  /// Changes whenever something new enters or leaves.
  [[nodiscard]] std::int64_t generation() const { return generation_; }
  /// What a collective brings that began in this generation; ProofFault where that is over.
  void replace(std::int64_t generation, std::int64_t i, std::int64_t parts, Matrix value);

 private:
  Matrix whole_;
  std::vector<Matrix> parts_;
  std::int64_t calls_ = 0, generation_ = 0;
};

struct PassKey {
  std::int32_t micro_batch = -1, chunk = -1;
  bool forward = true;
  auto operator<=>(const PassKey&) const = default;
};

/// Of context ranks that pass their keys and values round: what has come, and what this rank made of it.
struct Ring {
  Matrix block;            ///< keys and values at hand
  std::int64_t hops = 0;   ///< that they have come
  std::int64_t steps = 0;  ///< kernels so far
  std::int64_t sends = 0;
  bool backward = false;
  std::vector<AttentionPart> partial;  ///< of this step, by sample
  Matrix partial_queries, partial_keys;
  Matrix came, gradient;  ///< of keys and values: what others added, and this rank too
};

/// Rows of tokens on their way to experts and back.
struct ExpertRows {
  bool backward = false;
  std::vector<std::int64_t> came;                ///< from each rank that shares the experts
  std::vector<std::int64_t> gathered;            ///< from each tensor rank
  std::vector<std::int64_t> order;               ///< in which they were sorted; empty: not
  std::map<std::string, std::int64_t> products;  ///< so far, of each name
};

/// A pass under way: what is in nobody's account of memory.
struct Frame {
  std::map<std::pair<std::int16_t, std::string>, Matrix> loose;  ///< by layer and name
  Region region;
  Ring ring;
  ExpertRows expert_rows;
  Matrix stream;                  ///< the residual stream, of a forward pass or of recomputation
  bool stream_in_region = false;  ///< it is what the region gives
  Matrix gradient;                ///< of it
  bool given = false;             ///< to the next chunk
};

/// Between chunk `behind` and the next: activations, or their gradients.
struct BoundaryKey {
  Phase phase = Phase::forward;
  std::int32_t micro_batch = 0, behind = 0;
  auto operator<=>(const BoundaryKey&) const = default;
};

/// Of each token's logits: their maximum, the sum of exp(logit - maximum), the target's. One column each.
struct LossRows {
  Matrix maximum, sum, target;
};

struct ChunkState {
  GradientBuffer gradients, expert_gradients;
  /// Of sharded ones (zero 3) this rank's part, and what gathers have brought; the rest is not-a-number.
  std::map<TensorKey, Matrix> parameters;
};

/// What is gathered together (zero 3): the dense parameters or the experts of a layer, of the embedding or the head.
struct UnitKey {
  std::int16_t layer = -1;
  bool head = false, experts = false;
  auto operator<=>(const UnitKey&) const = default;
};
/// Whether a pass needs the tensor where it computes the unit. A tied embedding may be of two.
bool is_of_unit(const Model& model, const UnitKey& unit, const HeldTensor& tensor);

struct RankState {
  RankState(const ProofScene& of, std::uint32_t worker);

  const ProofScene& scene;
  std::uint32_t worker;
  Coordinates at;
  std::int64_t stage, replica;  ///< of those with the same dense parameters
  RankShape shape;
  std::map<std::int64_t, ChunkState> chunks;  ///< by number in the model
  TensorStore store;
  std::map<PassKey, Frame> frames;
  std::map<BoundaryKey, Matrix> boundaries;                   ///< that came, or are on their way
  std::map<std::int32_t, LossRows> loss;                      ///< by micro batch
  std::map<BlockKey, std::vector<AttentionPart>> ring_parts;  ///< by sample: what a backward pass must know of all keys
  double norm = 0;                                            ///< squared, of gradients
  bool tied = false;                   ///< copies of a tied embedding on this rank have been added up
  bool stepped = false;                ///< parameters, along the gradients
  std::size_t host_steps = 0;          ///< of the optimizer, where the host has it
  std::map<BlockKey, Matrix> on_host;  ///< kept activations

  [[nodiscard]] const Model& model() const { return scene.job.model; }
  [[nodiscard]] const Plan& plan() const { return scene.job.plan; }
  [[nodiscard]] std::vector<std::int64_t> tokens(std::int32_t micro_batch) const;
  [[nodiscard]] std::vector<std::int64_t> targets(std::int32_t micro_batch) const;
  /// ProofFault: there is none.
  LossRows& loss_of(std::int32_t micro_batch);
  /// The frame of a pass; begun with what the chunk before or after gave.
  Frame& frame(const PassKey& pass);
  /// Sharded parameters of a unit are there for a pass, or no more; where they stay, for all passes.
  void gather(const PassKey& pass, const UnitKey& unit) { gathered_.insert(of_pass(pass, unit)); }
  void release(const PassKey& pass, const UnitKey& unit) { gathered_.erase(of_pass(pass, unit)); }
  /// What a layer keeps of a micro batch, to the host and back into its blocks.
  void keep_on_host(const PassKey& pass, std::int16_t layer);
  void fetch(const PassKey& pass, std::int16_t layer);
  [[nodiscard]] bool has(const PassKey& pass, const UnitKey& unit) const {
    return gathered_.contains(of_pass(pass, unit));
  }
  /// Takes what lies at a boundary: what came, or what a pass of this rank gave.
  Matrix take_boundary(const BoundaryKey& key);

 private:
  using Gathered = std::pair<PassKey, UnitKey>;
  [[nodiscard]] Gathered of_pass(const PassKey& pass, const UnitKey& unit) const;
  void begin(const PassKey& pass, Frame& frame);

  std::set<Gathered> gathered_;
};

}  // namespace rehearse
