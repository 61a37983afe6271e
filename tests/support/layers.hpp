// Whole transformer layers: what the model of workloads/ says they take on a device, and tables of measured ones.
#pragma once

#include <doctest/doctest.h>

#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "platforms/calibrate/bench.hpp"
#include "workloads/steps.hpp"

namespace rehearse {

struct LayerTimes {
  Seconds forward, backward;
};
using TimeOfKernel = std::function<Seconds(const Kernel&)>;

/// The kernels of the first of two layers, so without embedding and head, each at the time that `time_of` says.
inline LayerTimes layer_times(const LayerShape& shape, const TimeOfKernel& time_of) {
  Model model{.layers = 2, .hidden = shape.hidden, .heads = shape.heads, .kv_heads = shape.kv_heads};
  model.head_dim = shape.hidden / shape.heads, model.ffn = shape.ffn, model.vocab = 1024, model.seq_len = shape.seq;
  model.dropout = model.bias = false;
  if (shape.llama)
    model.activation = Activation::swiglu, model.norm = Norm::rms_norm, model.positions = Positions::rotary;
  Plan plan;
  plan.micro_batch = plan.global_batch = shape.micro_batch;
  plan.precision = shape.precision;
  plan.attention = AttentionKind::flash;
  plan.recompute = Recompute::none;
  const auto sum = [&](const Steps& steps) {
    Seconds total;
    for (const Step& step : steps)
      if (const auto* kernel = std::get_if<KernelStep>(&step); kernel != nullptr && kernel->layer == 0)
        total += time_of(kernel->kernel);
    return total;
  };
  return {sum(forward_steps(model, plan, 0)), sum(backward_steps(model, plan, 0))};
}

struct MeasuredLayer {
  LayerShape shape;
  LayerTimes times;
};

/// A table that `rehearse-calibrate --layers` wrote.
inline std::vector<MeasuredLayer> read_layers(std::istream& in) {
  std::vector<std::string> columns;
  std::vector<MeasuredLayer> layers;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream text(line);
    std::vector<std::string> cells;
    for (std::string cell; std::getline(text, cell, ',');) cells.push_back(cell);
    if (columns.empty()) {
      columns = cells;
      continue;
    }
    REQUIRE(cells.size() == columns.size());
    std::map<std::string, std::string> row;
    for (std::size_t i = 0; i < cells.size(); ++i) row[columns[i]] = cells[i];
    const auto whole = [&](const char* key) { return std::int64_t{std::stoll(row.at(key))}; };
    const auto micro = [&](const char* key) { return Seconds(std::stod(row.at(key)) * 1e-6); };
    layers.push_back({{.model = row.at("model"),
                       .hidden = whole("hidden"),
                       .heads = whole("heads"),
                       .kv_heads = whole("kv_heads"),
                       .ffn = whole("ffn"),
                       .llama = whole("llama") != 0,
                       .seq = whole("seq"),
                       .micro_batch = whole("micro_batch"),
                       .precision = precision_of_name(row.at("precision"))},
                      {micro("forward_us"), micro("backward_us")}});
  }
  return layers;
}

}  // namespace rehearse
