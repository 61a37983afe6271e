#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>

#include <array>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "platforms/calibrate/cuda/gemm_plan.hpp"
#include "platforms/calibrate/cuda/work.hpp"

namespace rehearse::cuda {
namespace {

template <class T>
std::vector<double> widened(const std::vector<char>& raw) {
  std::vector<double> values(raw.size() / sizeof(T));
  for (std::size_t i = 0; i < values.size(); ++i) {
    T x;
    std::memcpy(&x, raw.data() + i * sizeof(T), sizeof(T));
    values[i] = static_cast<double>(static_cast<float>(x));
  }
  return values;
}

std::vector<double> read_back(const void* device, std::size_t count, Precision precision) {
  std::vector<char> raw(count * static_cast<std::size_t>(element_bytes(precision)));
  REHEARSE_CUDA(cudaMemcpy(raw.data(), device, raw.size(), cudaMemcpyDeviceToHost));
  switch (precision) {
    case Precision::fp32:
    case Precision::tf32: return widened<float>(raw);
    case Precision::fp16: return widened<__half>(raw);
    case Precision::bf16: return widened<__nv_bfloat16>(raw);
    case Precision::fp8: return widened<__nv_fp8_e4m3>(raw);
  }
  throw std::logic_error("a precision without a type");
}

/// Where element (row, column) of a batch's operand lies: by rows, or its transpose by rows.
std::size_t at(std::int64_t row, std::int64_t column, std::int64_t rows, std::int64_t columns, bool transposed) {
  return static_cast<std::size_t>(transposed ? column * rows + row : row * columns + column);
}

/// C by rows, as kernel.hpp defines the layouts: A lies by rows but in nt, B by rows but in tn.
std::vector<double> product(const Gemm& g, const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> c;
  c.reserve(elements_c(g));
  for (std::int64_t batch = 0; batch < g.batch; ++batch) {
    const double* const a_of = a.data() + batch * g.m * g.k;
    const double* const b_of = b.data() + batch * g.k * g.n;
    for (std::int64_t i = 0; i < g.m; ++i)
      for (std::int64_t j = 0; j < g.n; ++j) {
        double sum = 0.0;
        for (std::int64_t l = 0; l < g.k; ++l)
          sum += a_of[at(i, l, g.m, g.k, g.layout == Layout::nt)] * b_of[at(l, j, g.k, g.n, g.layout == Layout::tn)];
        c.push_back(sum);
      }
  }
  return c;
}

/// Rounding of the result (and in tf32 of the operands, in fp8 of partial sums), with room; a wrong layout is off by 1.
double tolerance_of(Precision precision) {
  switch (precision) {
    case Precision::fp32: return 1e-5;
    case Precision::tf32: return 2e-3;
    case Precision::fp16: return 1e-3;
    case Precision::bf16: return 5e-3;
    case Precision::fp8: return 1e-2;
  }
  return 0.0;
}

Check check_one(const Gemm& g, Precision precision, Arena& arena) {
  arena.reset();
  const auto bytes = [](std::size_t count, Precision p) { return count * static_cast<std::size_t>(element_bytes(p)); };
  void* const a = arena.take_bytes(bytes(elements_a(g), precision));
  void* const b = arena.take_bytes(bytes(elements_b(g), precision));
  const Precision stored = result_precision(precision);
  void* const c = arena.take_bytes(bytes(elements_c(g), stored));
  fill_normal(a, elements_a(g), precision, 1.0, 11);
  fill_normal(b, elements_b(g), precision, 1.0, 12);
  REHEARSE_CUDA(cudaMemset(c, 0xff, bytes(elements_c(g), stored)));  // not a number where nothing is written
  REHEARSE_CUDA(cudaDeviceSynchronize());
  gemm_plan(g, precision).run(nullptr, a, b, c);
  REHEARSE_CUDA(cudaDeviceSynchronize());
  const std::vector<double> reference =
      product(g, read_back(a, elements_a(g), precision), read_back(b, elements_b(g), precision));
  std::string name = "gemm " + std::string(precision_name(precision)) + " " + std::string(layout_name(g.layout)) + " " +
                     std::to_string(g.batch) + " x " + std::to_string(g.m) + " x " + std::to_string(g.n) + " x " +
                     std::to_string(g.k);
  return {std::move(name), relative_error(read_back(c, elements_c(g), stored), reference), tolerance_of(precision)};
}

constexpr std::array<Gemm, 3> sizes = {{{2, 24, 40, 72}, {2, 32, 48, 80}, {3, 23, 37, 71}}};  // the last: not aligned

}  // namespace

std::vector<Check> check_gemm(Arena& arena) {
  std::vector<Check> checks;
  for (const Precision precision : {Precision::fp32, Precision::tf32, Precision::fp16, Precision::bf16, Precision::fp8})
    for (const Layout layout : {Layout::tn, Layout::nn, Layout::nt})
      for (Gemm gemm : sizes) {
        gemm.layout = layout;
        try {
          checks.push_back(check_one(gemm, precision, arena));
        } catch (const CannotRun&) {
          continue;  // not done here (fp8 of most kinds, a precision that the chip lacks): nothing of it is timed
                     // either
        }
      }
  return checks;
}

}  // namespace rehearse::cuda
