#include "workloads/proof/reference_layers.hpp"

namespace rehearse {

namespace {

/// `name`: "ffn", "expert ffn" or "shared ffn".
const Matrix& mlp_forward(const Model& model, const LayerTensors& tensors, const std::string& name, const Matrix& x,
                          MlpTape& tape, std::int64_t expert = no_expert) {
  tape.x = x;
  tape.inner = linear_forward(tensors, name + " 1", x, expert);
  tape.activated = activation_forward(model.activation, tape.inner);
  tape.out = linear_forward(tensors, name + " 2", tape.activated, expert);
  return tape.out;
}

Matrix mlp_backward(const Model& model, const LayerTensors& tensors, const std::string& name, const MlpTape& tape,
                    const Matrix& out_gradient, std::int64_t expert = no_expert) {
  const Matrix of_activated = linear_backward(tensors, name + " 2", tape.activated, out_gradient, expert);
  const Matrix of_inner = activation_backward(model.activation, tape.inner, of_activated);
  return linear_backward(tensors, name + " 1", tape.x, of_inner, expert);
}

/// Which rows come to each expert.
void deal_out(const Model& model, ExpertsTape& tape) {
  const auto count = static_cast<std::size_t>(model.experts.count);
  tape.rows.assign(count, {});
  tape.slots.assign(count, {});
  tape.each.resize(count);
  for (Eigen::Index row = 0; row < tape.routing.experts.rows(); ++row)
    for (Eigen::Index slot = 0; slot < tape.routing.experts.cols(); ++slot) {
      const auto expert = static_cast<std::size_t>(tape.routing.experts(row, slot));
      tape.rows[expert].push_back(row);
      tape.slots[expert].push_back(slot);
    }
}

Matrix experts_forward(const Model& model, const LayerTensors& tensors, const Matrix& x, ExpertsTape& tape) {
  tape.routing = route(linear_forward(tensors, "router", x), model.experts.per_token);
  deal_out(model, tape);
  Matrix out = Matrix::Zero(x.rows(), x.cols());
  for (std::size_t e = 0; e < tape.rows.size(); ++e) {
    const std::vector<std::int64_t>& rows = tape.rows[e];
    const Matrix& of_expert =
        mlp_forward(model, tensors, "expert ffn", x(rows, Eigen::all), tape.each[e], static_cast<std::int64_t>(e));
    for (std::size_t i = 0; i < rows.size(); ++i)
      out.row(rows[i]) += tape.routing.weights(rows[i], tape.slots[e][i]) * of_expert.row(static_cast<Eigen::Index>(i));
  }
  if (model.experts.shared > 0) out += mlp_forward(model, tensors, "shared ffn", x, tape.shared);
  return out;
}

Matrix experts_backward(const Model& model, const LayerTensors& tensors, const Matrix& x, const ExpertsTape& tape,
                        const Matrix& out_gradient) {
  Matrix of_x = Matrix::Zero(x.rows(), x.cols());
  Matrix of_weights(tape.routing.weights.rows(), tape.routing.weights.cols());
  for (std::size_t e = 0; e < tape.rows.size(); ++e) {
    const std::vector<std::int64_t>& rows = tape.rows[e];
    Matrix of_expert = out_gradient(rows, Eigen::all);
    for (Eigen::Index i = 0; i < of_expert.rows(); ++i) {
      const std::int64_t row = rows[static_cast<std::size_t>(i)], slot = tape.slots[e][static_cast<std::size_t>(i)];
      of_weights(row, slot) = of_expert.row(i).dot(tape.each[e].out.row(i));
      of_expert.row(i) *= tape.routing.weights(row, slot);
    }
    of_x(rows, Eigen::all) +=
        mlp_backward(model, tensors, "expert ffn", tape.each[e], of_expert, static_cast<std::int64_t>(e));
  }
  if (model.experts.shared > 0) of_x += mlp_backward(model, tensors, "shared ffn", tape.shared, out_gradient);
  const Matrix of_logits = route_backward(tape.routing, model.experts.count, of_weights);
  return of_x + linear_backward(tensors, "router", x, of_logits);
}

}  // namespace

Matrix mlp_half_forward(const Model& model, std::int64_t layer, const LayerTensors& tensors, const Matrix& x,
                        MlpHalfTape& tape) {
  tape.x = x;
  tape.normed = norm_forward(tensors, "mlp norm", model.norm, x);
  if (model.has_experts(layer)) return x + experts_forward(model, tensors, tape.normed, tape.experts);
  return x + mlp_forward(model, tensors, "ffn", tape.normed, tape.mlp);
}

Matrix mlp_half_backward(const Model& model, std::int64_t layer, const LayerTensors& tensors, const MlpHalfTape& tape,
                         const Matrix& out_gradient) {
  const Matrix of_normed = model.has_experts(layer)
                               ? experts_backward(model, tensors, tape.normed, tape.experts, out_gradient)
                               : mlp_backward(model, tensors, "ffn", tape.mlp, out_gradient);
  return out_gradient + norm_backward(tensors, "mlp norm", model.norm, tape.x, of_normed);
}

}  // namespace rehearse
