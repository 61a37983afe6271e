// Which matrix products to time: those of a linear layer of (out x in) on a number of tokens, in the three layouts of
// its forward and backward pass; and the batched ones of attention.
#include <array>
#include <span>
#include <utility>

#include "platforms/calibrate/grid.hpp"

namespace rehearse {
namespace {

using Sizes = std::vector<std::int64_t>;

struct Linear {
  std::int64_t out, in;
};

/// Widths of a transformer layer's weights.
struct Widths {
  std::int64_t hidden, qkv, ffn_in, ffn, vocab;
};
constexpr std::array<Widths, 10> models = {{
    {2048, 6144, 8192, 8192, 51200},      // GPT-3 1.3B
    {2560, 7680, 10240, 10240, 51200},    // 2.7B
    {4096, 12288, 16384, 16384, 51200},   // 6.7B
    {5120, 15360, 20480, 20480, 50304},   // 13B
    {12288, 36864, 49152, 49152, 51200},  // 175B
    {4096, 12288, 22016, 11008, 32000},   // Llama 2 7B: ffn_in is gate and up
    {5120, 15360, 27648, 13824, 32000},   // 13B
    {8192, 10240, 57344, 28672, 32000},   // 70B: 8 heads of keys and values
    {4096, 6144, 28672, 14336, 128256},   // Llama 3 8B
    {8192, 10240, 57344, 28672, 128256},  // 70B
}};

Gemm product(Layout layout, std::int64_t tokens, Linear linear) {
  if (layout == Layout::tn) return {1, tokens, linear.out, linear.in, layout};
  if (layout == Layout::nn) return {1, tokens, linear.in, linear.out, layout};
  return {1, linear.out, linear.in, tokens, layout};
}

std::vector<Linear> all_pairs(const Sizes& outs, const Sizes& ins) {
  std::vector<Linear> pairs;
  for (const std::int64_t out : outs)
    for (const std::int64_t in : ins) pairs.push_back({out, in});
  return pairs;
}

/// What one of `tensor` GPUs has of the models' layers.
std::vector<Linear> model_pairs(std::int64_t tensor) {
  std::vector<Linear> pairs;
  for (const Widths& w : models)
    for (const Linear linear :
         {Linear{w.qkv / tensor, w.hidden}, Linear{w.hidden, w.hidden / tensor}, Linear{w.ffn_in / tensor, w.hidden},
          Linear{w.hidden, w.ffn / tensor}, Linear{w.vocab / tensor, w.hidden}})
      pairs.push_back(linear);
  return pairs;
}

/// Adds the products of one layout.
class LayoutCases {
 public:
  LayoutCases(Precision precision, Layout layout, std::vector<Case>& cases)
      : precision_(precision), layout_(layout), cases_(cases) {
    family_ = "gemm " + std::string(precision_name(precision)) + " " + std::string(layout_name(layout));
  }

  void linear(int rank, const Sizes& tokens, const std::vector<Linear>& pairs) {
    for (const std::int64_t count : tokens)
      for (const Linear& pair : pairs) add(rank, product(layout_, count, pair));
  }
  /// Scores (tn), context and gradient of the queries (nn), gradients of keys and values (nt).
  void batched(int rank, const Sizes& batches, const Sizes& sequences, const Sizes& head_dims) {
    for (const std::int64_t batch : batches)
      for (const std::int64_t seq : sequences)
        for (const std::int64_t dim : head_dims)
          add(rank, layout_ == Layout::tn ? Gemm{batch, seq, seq, dim, layout_} : Gemm{batch, seq, dim, seq, layout_});
  }

 private:
  void add(int rank, const Gemm& gemm) {
    if (precision_ == Precision::fp8 && !(aligned(precision_, gemm) && gemm.m % 16 == 0))
      return;  // none in the library
    // fp16 runs the kernels of bf16, and tf32 is the least used: they are refined later.
    const bool late = precision_ == Precision::fp16 || precision_ == Precision::tf32;
    const int shift = late && rank > main_sizes ? 1 : 0;
    add_case(cases_, family_, gemm, precision_, rank + shift);
  }

  Precision precision_;
  Layout layout_;
  std::string family_;
  std::vector<Case>& cases_;
};

void add_aligned(LayoutCases& cases) {
  const Sizes coarse = {1024, 4096, 16384}, octaves = {1024, 2048, 4096, 8192, 16384};
  const Sizes awkward = {1536, 2560, 5120, 6144, 7168, 12288, 20480, 28672, 50304};
  cases.linear(skeleton, {128, 1024, 8192}, all_pairs(coarse, coarse));
  cases.linear(main_sizes, {512, 2048, 4096}, all_pairs(octaves, octaves));
  cases.linear(finer, {128, 1024, 8192}, all_pairs(octaves, octaves));
  cases.linear(finer, {256, 16384}, all_pairs(octaves, octaves));
  cases.linear(finer, {2048, 8192}, model_pairs(1));
  cases.linear(model_sizes, {4096}, model_pairs(2));
  cases.linear(model_sizes, {2048, 8192}, model_pairs(4));
  cases.linear(model_sizes, {4096}, model_pairs(8));
  cases.linear(wider, {16, 64}, all_pairs(octaves, octaves));
  cases.linear(wider, {1536, 3072, 6144, 12288}, all_pairs(coarse, coarse));
  cases.linear(wider, {1536, 6144}, all_pairs(awkward, {4096}));
  cases.linear(wider, {3072, 12288}, all_pairs({4096}, awkward));
  cases.linear(wider, {512, 4096}, all_pairs({128, 512}, coarse));
  cases.linear(wider, {512, 4096}, all_pairs(coarse, {64, 256}));
  cases.linear(wider, {32768, 65536}, {{6144, 4096}, {4096, 4096}, {28672, 4096}, {4096, 14336}});
}

void add_batched(LayoutCases& cases) {
  cases.batched(skeleton, {16, 128}, {1024, 4096}, {128});
  cases.batched(main_sizes, {32, 64}, {512, 1024, 2048, 4096}, {64, 128});
  cases.batched(finer, {8, 16, 128, 256}, {512, 1024, 2048, 4096, 8192}, {64, 128});
  cases.batched(wider, {8, 32, 128, 512}, {1024, 2048}, {80, 96, 256});
}

/// Tokens that are no multiple of anything, down to the decoding of one.
void add_odd_tokens(LayoutCases& cases) {
  const Sizes coarse = {1024, 4096, 16384};
  cases.linear(finer, {1, 1001, 4095}, all_pairs(coarse, coarse));
  cases.linear(wider, {1}, all_pairs({2048, 8192, 50304}, {2048, 8192}));
}

/// A class of its own, with slower kernels: weights whose rows are no whole pieces of 16 bytes.
void add_not_aligned(LayoutCases& cases) {
  const std::vector<Linear> odd = {{50257, 4096}, {1025, 1024}, {4097, 1024}, {4097, 4096}, {1024, 1025}, {4096, 4097}};
  cases.linear(skeleton, {1024, 8192}, odd);
  cases.linear(main_sizes, {512, 2048, 4096}, {{50257, 2048}, {50257, 4096}, {4097, 4096}, {1025, 1024}});
  cases.linear(finer, {1024, 8192}, {{50257, 2048}, {50257, 8192}, {50257, 12288}});
  cases.linear(finer, {2048, 4096}, odd);
  cases.linear(wider, {2048, 8192}, {{2049, 2048}, {8193, 4096}, {16385, 4096}, {2048, 2049}, {4096, 16385}});
}

}  // namespace

void add_gemm_cases(Precision precision, std::vector<Case>& cases) {
  for (const Layout layout : {Layout::tn, Layout::nn, Layout::nt}) {
    if (precision == Precision::fp8 && layout != Layout::tn) continue;  // cuBLASLt multiplies fp8 in this layout only
    LayoutCases of_layout(precision, layout, cases);
    add_aligned(of_layout);
    add_batched(of_layout);
    add_odd_tokens(of_layout);
    add_not_aligned(of_layout);
  }
}

}  // namespace rehearse
