// A mixture of experts (workloads/layers/experts.cpp): where rows go, and what becomes of what comes back. A result has
// one column more, the gradient of its weight.
#include <algorithm>
#include <numeric>

#include "workloads/parameters.hpp"
#include "workloads/proof/expert_rows.hpp"
#include "workloads/proof/fault.hpp"

namespace rehearse {

namespace {

using Eigen::Index;

std::string_view arriving(const KernelScope& k) { return experts_input(k.frame().expert_rows); }
std::string_view leaving(const KernelScope& k) { return experts_output(k.frame().expert_rows); }

Routing routing_of(const KernelScope& k) {
  const Matrix& kept = k.read("router probabilities");
  const Index each = k.model().experts.per_token;
  return {kept.leftCols(each).cast<std::int64_t>(), kept.rightCols(each)};
}

void choose(const KernelScope& k) {
  const Routing routing = route(k.read("router logits"), k.model().experts.per_token);
  Matrix kept(routing.weights.rows(), 2 * routing.weights.cols());
  kept << routing.experts.cast<double>(), routing.weights;
  k.write("router probabilities", std::move(kept));
}

/// Rows that this rank sends, in the order of their experts.
struct SentRow {
  Index token, slot;
};
std::vector<SentRow> sent_rows(const Routing& routing) {
  std::vector<SentRow> rows;
  for (Index token = 0; token < routing.experts.rows(); ++token)
    for (Index slot = 0; slot < routing.experts.cols(); ++slot) rows.push_back({token, slot});
  std::ranges::stable_sort(rows, {}, [&](const SentRow& row) { return routing.experts(row.token, row.slot); });
  return rows;
}

void permute(const KernelScope& k) {
  ExpertRows& rows = k.frame().expert_rows;
  rows = {.backward = k.kind() == Kind::backward};
  const Matrix& from = rows.backward ? k.gradient() : k.read("mlp norm");
  const Routing routing = routing_of(k);
  const std::vector<SentRow> sent = sent_rows(routing);
  Matrix out(std::ssize(sent), from.cols() + row_tags);
  for (Index i = 0; i < out.rows(); ++i) {
    const SentRow& row = sent[static_cast<std::size_t>(i)];
    out.row(i) << from.row(row.token), static_cast<double>(routing.experts(row.token, row.slot)),
        routing.weights(row.token, row.slot);
  }
  if (k.state().plan().expert == 1) k.write(arriving(k), out);
  k.write(rows.backward ? "permuted gradients" : "permuted tokens", std::move(out));
}

/// Adds up the copies of each token; the last column is theirs alone.
void unpermute(const KernelScope& k) {
  const Matrix& came = k.read(k.state().plan().expert > 1 ? "returned rows" : leaving(k));
  const Routing routing = routing_of(k);
  const std::vector<SentRow> sent = sent_rows(routing);
  expect_rows(came, std::ssize(sent), "what experts gave back");
  const Index columns = came.cols() - 1;
  Matrix out = Matrix::Zero(routing.experts.rows(), columns);
  Matrix weights(routing.weights.rows(), routing.weights.cols());
  for (Index i = 0; i < came.rows(); ++i) {
    const SentRow& row = sent[static_cast<std::size_t>(i)];
    out.row(row.token) += came.row(i).head(columns);
    weights(row.token, row.slot) = came(i, columns);
  }
  k.write("sum of experts", std::move(out));
  k.write("weights gradient", std::move(weights));
}

void sort_by_expert(const KernelScope& k) {
  const Matrix& rows = k.read(arriving(k));
  std::vector<std::int64_t>& order = k.frame().expert_rows.order;
  order.resize(static_cast<std::size_t>(rows.rows()));
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, {}, [&](std::int64_t row) { return expert_of(rows, row); });
  k.write(arriving(k), Matrix(rows(order, Eigen::all)));
}

void sort_by_rank(const KernelScope& k) {
  const Matrix& rows = k.read(leaving(k));
  const std::vector<std::int64_t>& order = k.frame().expert_rows.order;
  expect_rows(rows, std::ssize(order), "what is sorted back");
  Matrix out(rows.rows(), rows.cols());
  for (std::size_t i = 0; i < order.size(); ++i) out.row(order[i]) = rows.row(static_cast<Index>(i));
  k.write(leaving(k), std::move(out));
}

bool has_shared(const KernelScope& k) { return k.model().experts.shared > 0; }

void add_residual(const KernelScope& k) {
  Matrix x = k.stream() + k.read("sum of experts");
  if (has_shared(k)) {
    x += k.from_region();
    if (const Matrix* bias = k.find_parameter("shared ffn 2 bias")) x.rowwise() += bias->reshaped().transpose();
  }
  k.set_stream(std::move(x));
  if (k.kind() == Kind::recompute) k.frame().region.set(k.frame().gradient);
}

void router_softmax_gradient(const KernelScope& k) {
  k.write("router gradient", route_backward(routing_of(k), k.model().experts.count, k.read("weights gradient")));
}

/// Of what the norm gave: by way of the experts and of the router; of the shared ones.
void add_router_gradients(const KernelScope& k) {
  Matrix sum = k.read("sum of experts") + k.read("router input gradient");
  has_shared(k) ? k.write("gradient of routed", std::move(sum)) : k.frame().region.set(std::move(sum));
}
void add_shared_gradients(const KernelScope& k) {
  k.frame().region.set(k.from_region() + k.read("gradient of routed"));
}

using ExpertsKernel = void (*)(const KernelScope&);
ExpertsKernel kernel_of(std::string_view name) {
  if (name == "router softmax, top k") return choose;
  if (name == "permute") return permute;
  if (name == "sort by expert" || name == "sort gradients by expert") return sort_by_expert;
  if (name == "sort by rank" || name == "sort gradients by rank") return sort_by_rank;
  if (name == "unpermute" || name == "unpermute gradients") return unpermute;
  if (name == "bias, dropout, add") return add_residual;
  if (name == "router softmax gradient") return router_softmax_gradient;
  if (name == "router gradients") return add_router_gradients;
  if (name == "shared gradients") return add_shared_gradients;
  return nullptr;
}

bool run_shared_activation(const KernelScope& k, std::string_view name) {
  const Activation activation = k.model().activation;
  if (name == "shared activation") {
    k.write("shared ffn 2 input", activation_forward(activation, k.read("shared ffn 1 output")));
  } else if (name == "shared activation gradient") {
    k.write("shared ffn 1 output gradient",
            activation_backward(activation, k.read("shared ffn 1 output"), k.read("shared ffn 2 input gradient")));
  } else {
    return false;
  }
  return true;
}

constexpr LinearNames router{.name = "router",
                             .weight = "router weight",
                             .bias = {},
                             .whole = true,
                             .input = "mlp norm",
                             .output = "router logits",
                             .output_gradient = "router gradient",
                             .input_gradient = "router input gradient"};
constexpr LinearNames shared_first{.name = "shared ffn 1",
                                   .weight = "shared ffn 1 weight",
                                   .bias = "shared ffn 1 bias",
                                   .input = "mlp norm",
                                   .output = "shared ffn 1 output",
                                   .output_gradient = "shared ffn 1 output gradient",
                                   .input_gradient = {}};
constexpr LinearNames shared_second{.name = "shared ffn 2",
                                    .weight = "shared ffn 2 weight",
                                    .bias = "shared ffn 2 bias",
                                    .row_parallel = true,
                                    .input = "shared ffn 2 input",
                                    .output = {},
                                    .output_gradient = "shared ffn 2 output gradient",
                                    .input_gradient = "shared ffn 2 input gradient"};

}  // namespace

void run_experts_kernel(const KernelScope& k, std::string_view name) {
  static constexpr NormNames norm{"mlp input", "mlp norm", "mlp norm"};
  if (const ExpertsKernel kernel = kernel_of(name)) return kernel(k);
  if (run_expert_product(k, name) || run_shared_activation(k, name) || run_half_kernel(k, norm, {}, name)) return;
  for (const LinearNames& linear : {router, shared_first, shared_second})
    if (run_linear_kernel(k, linear, name)) return;
  unknown_kernel(k.block(), name);
}

}  // namespace rehearse
