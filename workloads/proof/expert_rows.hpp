// Where rows are on their way to experts and back, forward and backward. Private to workloads/proof.
#pragma once

#include "workloads/proof/kernel_scope.hpp"

namespace rehearse {

/// A row on its way has the token's numbers, or the gradient of what an expert gave, then its expert and its weight.
inline constexpr Eigen::Index row_tags = 2;
inline std::int64_t expert_of(const Matrix& rows, Eigen::Index row) {
  return static_cast<std::int64_t>(rows(row, rows.cols() - row_tags));
}

/// What comes to the experts of a rank; what they give.
inline std::string_view experts_input(const ExpertRows& rows) {
  return rows.backward ? "expert ffn 2 output gradient" : "expert input";
}
inline std::string_view experts_output(const ExpertRows& rows) {
  return rows.backward ? "expert input gradient" : "expert output";
}

/// Whether it is a product of experts or the activation between them, which is then carried out.
bool run_expert_product(const KernelScope& k, std::string_view name);

}  // namespace rehearse
