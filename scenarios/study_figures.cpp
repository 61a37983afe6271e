#include "scenarios/study_figures.hpp"

#include <array>
#include <stdexcept>

#include "engine/base/quantity_text.hpp"
#include "scenarios/layer_times.hpp"

namespace rehearse {

namespace {

constexpr std::array<StudyFigure, 19> rows{{
    {"time", "of an iteration, a collective or a kernel", FigureKind::cost, FigureUnit::time,
     [](const Result& r) { return r.iteration_time.value(); }, [](const CollectivePoint& p) { return p.time.value(); },
     [](const KernelJob& k) { return k.time().value(); }},
    {"layer_forward_time", "of a layer in the midst of others", FigureKind::cost, FigureUnit::time,
     [](const Result& r) { return layer_times(r).forward.value(); }, nullptr, nullptr, true},
    {"layer_backward_time", "likewise, recomputation included", FigureKind::cost, FigureUnit::time,
     [](const Result& r) { return layer_times(r).backward.value(); }, nullptr, nullptr, true},
    {"layer_time", "both together", FigureKind::cost, FigureUnit::time,
     [](const Result& r) { return layer_times(r).total().value(); }, nullptr, nullptr, true},
    {"samples_per_s", "sequences trained in a second", FigureKind::throughput, FigureUnit::number,
     [](const Result& r) { return r.samples_per_s; }},
    {"tokens_per_s", "tokens trained in a second", FigureKind::throughput, FigureUnit::number,
     [](const Result& r) { return r.tokens_per_s; }},
    {"samples_per_gpu_s", "the same for each GPU", FigureKind::throughput, FigureUnit::number,
     [](const Result& r) { return r.samples_per_s / r.gpu_count; }},
    {"tokens_per_gpu_s", "the same for each GPU", FigureKind::throughput, FigureUnit::number,
     [](const Result& r) { return r.tokens_per_s / r.gpu_count; }},
    {"tflops_per_gpu", "executed operations, recomputation counted", FigureKind::throughput,
     FigureUnit::flops_per_second, [](const Result& r) { return r.flops_per_gpu.value(); }},
    {"mfu", "share of the peak, recomputation not counted", FigureKind::throughput, FigureUnit::number,
     [](const Result& r) { return r.mfu; }},
    {"hfu", "share of the peak, recomputation counted", FigureKind::throughput, FigureUnit::number,
     [](const Result& r) { return r.hfu; }},
    {"tflops", "operations of a kernel in a second", FigureKind::throughput, FigureUnit::flops_per_second, nullptr,
     nullptr, [](const KernelJob& k) { return k.rate().value(); }},
    {"algbw", "bytes of a collective in a second", FigureKind::throughput, FigureUnit::bytes_per_second, nullptr,
     [](const CollectivePoint& p) { return p.algbw(); }},
    {"busbw", "what a link of a perfect ring would carry", FigureKind::throughput, FigureUnit::bytes_per_second,
     nullptr, [](const CollectivePoint& p) { return p.busbw(); }},
    {"memory_peak", "what must fit on the fullest GPU", FigureKind::cost, FigureUnit::bytes,
     [](const Result& r) { return static_cast<double>(r.memory.peak.value()); }},
    {"memory_in_use", "of tensors alone, on the fullest GPU", FigureKind::cost, FigureUnit::bytes,
     [](const Result& r) { return static_cast<double>(r.memory.in_use.value()); }},
    {"gpus", "of the cluster", FigureKind::other, FigureUnit::number,
     [](const Result& r) { return static_cast<double>(r.gpu_count); }},
    {"parameters", "of the model", FigureKind::other, FigureUnit::number, [](const Result& r) { return r.parameters; }},
    {"flop_per_iteration", "executed on all GPUs, recomputation counted", FigureKind::other, FigureUnit::number,
     [](const Result& r) { return r.flops_per_gpu.value() * r.gpu_count * r.iteration_time.value(); }},
}};

}  // namespace

Table<StudyFigure> study_figures() { return {"figure", rows}; }

double figure_unit(const StudyFigure& figure, const std::string& unit) {
  const std::string one = "1 " + unit;
  switch (figure.unit) {
    case FigureUnit::time: return parse_seconds(one).value();
    case FigureUnit::flops_per_second: return parse_flops_per_second(one).value();
    case FigureUnit::bytes_per_second: return parse_bytes_per_second(one).value();
    case FigureUnit::bytes: return static_cast<double>(parse_bytes(one).value());
    case FigureUnit::number: break;
  }
  throw std::invalid_argument("'" + std::string(figure.name) + "' has no unit; a factor may stand instead");
}

}  // namespace rehearse
