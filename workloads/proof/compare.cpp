#include "workloads/proof/compare.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "workloads/proof/reference.hpp"

namespace rehearse {

namespace {

constexpr std::size_t most_faults = 8;
/// A tensor whose gradients are all smaller than this share of the largest gradient is measured by that.
constexpr double least_share = 1e-6;

class Comparison {
 public:
  Comparison(const ProofScene& scene, const std::vector<RankState>& ranks, ProofReport& report)
      : scene_(scene),
        ranks_(ranks),
        report_(report),
        parameters_(initial_parameters(scene.job.model, scene.seed)),
        reference_(run_reference(scene.job.model, parameters_, scene.batch)) {
    for (const auto& [key, gradient] : reference_.gradients) largest_ = std::max(largest_, most(gradient));
  }

  void run() {
    report_.compared = true;
    compare_loss();
    for (const RankState& rank : ranks_) {
      for (const auto& [number, chunk] : rank.chunks)
        for (const GradientBuffer* buffer : {&chunk.gradients, &chunk.expert_gradients})
          for (const HeldTensor& tensor : buffer->tensors()) {
            compare_gradient(rank, *buffer, tensor);
            compare_parameter(rank, *buffer, chunk.parameters.at(tensor.key), tensor);
          }
      if (scene_.job.plan.clip_gradients) compare_norm(rank);
    }
  }

 private:
  /// The larger; not-a-number where one of them is.
  static void grow(double& largest, double value) {
    if (std::isnan(value) || value > largest) largest = value;
  }
  static double most(const Matrix& values) {
    double out = 0;
    for (const double value : values.reshaped()) grow(out, std::abs(value));
    return out;
  }

  void note(double& largest, double error, const std::string& what) {
    const bool wrong = !(error <= proof_tolerance);  // or not-a-number
    grow(largest, error);
    if (wrong && report_.faults.size() < most_faults)
      report_.faults.push_back(fmt::format("{} is off by {:.2g} of its size", what, error));
  }

  void compare_loss() {
    std::map<std::uint32_t, double> sums;  // by tensor rank
    for (const RankState& rank : ranks_)
      for (const auto& [micro_batch, rows] : rank.loss)
        sums[rank.at[static_cast<std::size_t>(Degree::tensor)]] +=
            scene_.token_share * cross_entropy(rows.maximum, rows.sum, rows.target).sum();
    report_.reference_loss = reference_.loss;
    for (const auto& [tensor, sum] : sums) {
      report_.loss = sum;
      note(report_.loss_error, std::abs(sum - reference_.loss) / std::abs(reference_.loss),
           fmt::format("the loss on tensor rank {}", tensor));
    }
  }

  static std::string name_of(const RankState& rank, const HeldTensor& tensor) {
    return fmt::format("{} on rank {} (stage {}, tensor rank {})", to_string(tensor.key), rank.worker, rank.stage,
                       rank.shape.tensor_rank);
  }

  void compare_gradient(const RankState& rank, const GradientBuffer& buffer, const HeldTensor& tensor) {
    const Matrix expected = cut(tensor, whole(reference_.gradients, tensor));
    const double size = std::max(most(reference_.gradients.at(tensor.key)), least_share * largest_);
    const Slice at = buffer.slice(tensor.key);
    const std::vector<double> values = buffer.values(at);
    double error = 0;
    for (std::int64_t i = 0; i < at.count; ++i) {
      const double off = std::abs(values[static_cast<std::size_t>(i)] - expected.data()[i]) / size;
      if (buffer.is_own(at.first + i)) grow(error, off);
    }
    note(report_.gradient_error, error, fmt::format("the gradient of {}", name_of(rank, tensor)));
  }

  /// Where parameters are sharded (zero 3), this rank's part of them.
  void compare_parameter(const RankState& rank, const GradientBuffer& buffer, const Matrix& stepped,
                         const HeldTensor& tensor) {
    const Matrix expected =
        initial_values(tensor, scene_.seed) - scene_.learning_rate * cut(tensor, whole(reference_.gradients, tensor));
    const Slice at = buffer.slice(tensor.key);
    double off = 0;
    for (std::int64_t i = 0; i < at.count; ++i)
      if (!buffer.sharding().by_tensor || buffer.is_own(at.first + i))
        grow(off, std::abs(stepped.data()[i] - expected.data()[i]));
    note(report_.parameter_error, off / most(expected), fmt::format("the stepped {}", name_of(rank, tensor)));
  }

  void compare_norm(const RankState& rank) {
    double sum = 0;
    for (const auto& [key, gradient] : reference_.gradients) sum += gradient.squaredNorm();
    note(report_.norm_error, std::abs(std::sqrt(rank.norm / sum) - 1),
         fmt::format("the norm of the gradients on rank {}", rank.worker));
  }

  /// As rows x columns: what is a vector may lie either way.
  static Matrix whole(const ParameterSet& set, const HeldTensor& tensor) {
    const Matrix& found = set.at(tensor.key);
    return found.reshaped<Eigen::RowMajor>(found.size() / tensor.columns, tensor.columns);
  }

  const ProofScene& scene_;
  const std::vector<RankState>& ranks_;
  ProofReport& report_;
  ParameterSet parameters_;
  ReferenceRun reference_;
  double largest_ = 0;
};

}  // namespace

void compare_with_reference(const ProofScene& scene, const std::vector<RankState>& ranks, ProofReport& report) {
  Comparison(scene, ranks, report).run();
}

}  // namespace rehearse
