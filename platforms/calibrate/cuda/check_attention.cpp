#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "platforms/calibrate/cuda/attention.hpp"
#include "platforms/calibrate/cuda/work.hpp"

namespace rehearse::cuda {
namespace {

/// Dense (batch, heads, sequence, head_dim).
using Values = std::vector<double>;
struct Inputs {
  Values q, k, v, grad_o;
};
struct Outputs {
  Values o, grad_q, grad_k, grad_v;
};

std::size_t size(std::int64_t count) { return static_cast<std::size_t>(count); }

double dot(const double* a, const double* b, std::int64_t count) {
  double sum = 0.0;
  for (std::int64_t i = 0; i < count; ++i) sum += a[i] * b[i];
  return sum;
}
void add(double factor, const double* x, double* y, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) y[i] += factor * x[i];
}

/// One query's row: its probabilities, the output, and what it adds to the gradients.
void reference_row(const Attention& a, std::int64_t seen, std::size_t query, std::size_t keys, const Inputs& in,
                   Outputs& out) {
  const double scale = 1.0 / std::sqrt(static_cast<double>(a.head_dim));
  const auto key = [&](std::int64_t j) { return keys + size(j * a.head_dim); };
  Values p(size(seen)), grad_p(size(seen));
  for (std::int64_t j = 0; j < seen; ++j) p[size(j)] = scale * dot(&in.q[query], &in.k[key(j)], a.head_dim);
  const double most = *std::max_element(p.begin(), p.end());
  double sum = 0.0;
  for (double& x : p) sum += x = std::exp(x - most);
  for (double& x : p) x /= sum;
  double mean = 0.0;
  for (std::int64_t j = 0; j < seen; ++j) {
    add(p[size(j)], &in.v[key(j)], &out.o[query], a.head_dim);
    grad_p[size(j)] = dot(&in.grad_o[query], &in.v[key(j)], a.head_dim);
    mean += p[size(j)] * grad_p[size(j)];
  }
  for (std::int64_t j = 0; j < seen; ++j) {
    const double grad_s = scale * p[size(j)] * (grad_p[size(j)] - mean);
    add(grad_s, &in.k[key(j)], &out.grad_q[query], a.head_dim);
    add(grad_s, &in.q[query], &out.grad_k[key(j)], a.head_dim);
    add(p[size(j)], &in.grad_o[query], &out.grad_v[key(j)], a.head_dim);
  }
}

Outputs reference(const Attention& a, const Inputs& in) {
  Outputs out{Values(in.q.size()), Values(in.q.size()), Values(in.k.size()), Values(in.v.size())};
  for (std::int64_t b = 0; b < a.batch; ++b)
    for (std::int64_t h = 0; h < a.heads; ++h)
      for (std::int64_t i = 0; i < a.seq_q; ++i) {
        const std::int64_t kv_head = b * a.kv_heads + h / (a.heads / a.kv_heads);
        const std::int64_t seen = a.causal ? a.seq_kv - a.seq_q + i + 1 : a.seq_kv;
        reference_row(a, seen, size(((b * a.heads + h) * a.seq_q + i) * a.head_dim),
                      size(kv_head * a.seq_kv * a.head_dim), in, out);
      }
  return out;
}

/// A (batch, heads, sequence, head_dim) tensor on the device.
struct Tensor {
  char* base = nullptr;  ///< of its first element; two bytes each
  HeadStrides at;
  std::int64_t batch = 1, heads = 1, seq = 1, head_dim = 1;
};

double widened(const char* raw, Precision precision) {
  if (precision == Precision::bf16) {
    __nv_bfloat16 x;
    std::memcpy(&x, raw, sizeof x);
    return static_cast<double>(__bfloat162float(x));
  }
  __half x;
  std::memcpy(&x, raw, sizeof x);
  return static_cast<double>(__half2float(x));
}

Values read_back(const Tensor& t, Precision precision) {
  const std::int64_t last = (t.batch - 1) * t.at.batch + (t.heads - 1) * t.at.head + (t.seq - 1) * t.at.token;
  std::vector<char> raw(2 * size(last + t.head_dim));
  REHEARSE_CUDA(cudaMemcpy(raw.data(), t.base, raw.size(), cudaMemcpyDeviceToHost));
  Values values;
  values.reserve(size(t.batch * t.heads * t.seq * t.head_dim));
  for (std::int64_t b = 0; b < t.batch; ++b)
    for (std::int64_t h = 0; h < t.heads; ++h)
      for (std::int64_t i = 0; i < t.seq; ++i)
        for (std::int64_t d = 0; d < t.head_dim; ++d) {
          const std::int64_t place = b * t.at.batch + h * t.at.head + i * t.at.token + d;
          values.push_back(widened(raw.data() + 2 * size(place), precision));
        }
  return values;
}

/// Q, K and V and their gradients each in one packed buffer, or each on its own.
struct Case {
  Attention shape;
  bool packed = false;
};

/// All tensors of a case in device memory; what is to be computed begins as not a number.
struct Buffers {
  Tensor q, k, v, o, grad_o, grad_q, grad_k, grad_v;
};

std::array<Tensor, 3> take_qkv(const Case& c, const AttentionLayout& layout, Arena& arena) {
  const Attention& a = c.shape;
  const std::int64_t of_q = a.batch * a.seq_q * a.heads * a.head_dim;
  const std::int64_t of_k = a.batch * a.seq_kv * a.kv_heads * a.head_dim;
  const auto take = [&](std::int64_t count) { return static_cast<char*>(arena.take_bytes(2 * size(count))); };
  const auto q = [&](char* base) { return Tensor{base, layout.q, a.batch, a.heads, a.seq_q, a.head_dim}; };
  const auto kv = [&](char* base, const HeadStrides& at) {
    return Tensor{base, at, a.batch, a.kv_heads, a.seq_kv, a.head_dim};
  };
  if (c.packed) {
    char* const base = take(of_q + 2 * of_k);
    return {q(base), kv(base + 2 * a.heads * a.head_dim, layout.k),
            kv(base + 2 * (a.heads + a.kv_heads) * a.head_dim, layout.v)};
  }
  char* const base_q = take(of_q);
  char* const base_k = take(of_k);
  return {q(base_q), kv(base_k, layout.k), kv(take(of_k), layout.v)};
}

void fill(const Tensor& t, Precision precision, std::uint64_t seed) {
  // Of a packed buffer this covers parts of the other two: all is random before the first use.
  const std::int64_t last = (t.batch - 1) * t.at.batch + (t.heads - 1) * t.at.head + (t.seq - 1) * t.at.token;
  fill_normal(t.base, size(last + t.head_dim), precision, 1.0, seed);
}

Buffers take_buffers(const Case& c, const AttentionLayout& layout, Precision precision, Arena& arena) {
  const Attention& a = c.shape;
  const auto like_o = [&] {
    char* const base = static_cast<char*>(arena.take_bytes(2 * size(a.batch * a.seq_q * a.heads * a.head_dim)));
    return Tensor{base, layout.o, a.batch, a.heads, a.seq_q, a.head_dim};
  };
  const auto [q, k, v] = take_qkv(c, layout, arena);
  const auto [grad_q, grad_k, grad_v] = take_qkv(c, layout, arena);
  Buffers made{q, k, v, like_o(), like_o(), grad_q, grad_k, grad_v};
  std::uint64_t seed = 21;
  for (const Tensor& input : {made.q, made.k, made.v, made.grad_o}) fill(input, precision, seed++);
  return made;
}

void poison(Arena& arena) {
  arena.reset();
  const std::size_t bytes = std::min(arena.left(), std::size_t{256} << 20);
  REHEARSE_CUDA(cudaMemset(arena.take_bytes(bytes), 0xff, bytes));
  REHEARSE_CUDA(cudaDeviceSynchronize());
  arena.reset();
}

std::string name_of(const Attention& a, Precision precision) {
  const auto text = [](std::int64_t n) { return std::to_string(n); };
  return "attention " + std::string(precision_name(precision)) + (a.fused ? " fused " : " unfused ") +
         (a.causal ? "causal " : "") + text(a.batch) + " x " + text(a.heads) + "/" + text(a.kv_heads) + " x " +
         text(a.seq_q) + "/" + text(a.seq_kv) + " x " + text(a.head_dim);
}

void check_one(const Case& c, Precision precision, Arena& arena, std::vector<Check>& checks) {
  poison(arena);
  const AttentionLayout layout = c.packed ? packed_layout(c.shape) : separate_layout(c.shape);
  const auto plan = c.shape.fused ? fused_attention : unfused_attention;
  const auto core = plan(c.shape, precision, layout, arena);
  const Buffers on = take_buffers(c, layout, precision, arena);
  void* const saved = arena.take_bytes(core->saved_bytes());
  const AttentionInputs in{on.q.base, on.k.base, on.v.base};
  core->forward(in, on.o.base, saved, nullptr);
  core->backward(in, on.o.base, on.grad_o.base, saved, {on.grad_q.base, on.grad_k.base, on.grad_v.base}, nullptr);
  REHEARSE_CUDA(cudaDeviceSynchronize());

  const Outputs exact = reference(c.shape, {read_back(on.q, precision), read_back(on.k, precision),
                                            read_back(on.v, precision), read_back(on.grad_o, precision)});
  const double tolerance = precision == Precision::bf16 ? 1e-2 : 3e-3;
  const auto hold = [&](const char* what, const Tensor& out, const Values& right) {
    checks.push_back({name_of(c.shape, precision) + what, relative_error(read_back(out, precision), right), tolerance});
  };
  hold(", output", on.o, exact.o);
  hold(", gradient of Q", on.grad_q, exact.grad_q);
  hold(", gradient of K", on.grad_k, exact.grad_k);
  hold(", gradient of V", on.grad_v, exact.grad_v);
}

// batch, heads, kv_heads, seq_q, seq_kv, head_dim, causal, backward. Few: cuDNN compiles a second for each.
constexpr std::array<Case, 5> cases = {{{{2, 4, 2, 128, 128, 128, true, true}, true},
                                        {{2, 4, 4, 128, 192, 64, false, true}, false},
                                        {{2, 4, 4, 128, 128, 64, true, true}, true},
                                        {{2, 4, 2, 128, 192, 64, true, true}, false},
                                        {{1, 2, 2, 200, 200, 80, true, true}, false}}};
/// The kernels of fp16 are those of bf16 but for the type.
std::size_t cases_of(Precision precision) { return precision == Precision::bf16 ? cases.size() : 2; }

}  // namespace

std::vector<Check> check_attention(Arena& arena) {
  std::vector<Check> checks;
  for (const Precision precision : {Precision::bf16, Precision::fp16})
    for (std::size_t i = 0; i < cases_of(precision); ++i)
      for (const bool fused : {true, false}) {
        Case c = cases[i];
        c.shape.fused = fused;
        try {
          check_one(c, precision, arena, checks);
        } catch (const CannotRun&) {
          continue;  // not done here: then it is not timed either, and there the reason is told
        }
      }
  arena.reset();
  return checks;
}

}  // namespace rehearse::cuda
