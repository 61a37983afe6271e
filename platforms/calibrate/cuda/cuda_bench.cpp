#include "platforms/calibrate/cuda/cuda_bench.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <string>

#include "platforms/calibrate/cuda/launch.hpp"
#include "platforms/calibrate/cuda/layer.hpp"
#include "platforms/calibrate/cuda/machine.hpp"
#include "platforms/calibrate/cuda/timer.hpp"
#include "platforms/calibrate/cuda/work.hpp"

namespace rehearse {
namespace cuda {
namespace {

constexpr std::size_t arena_limit = std::size_t{64} << 30;  // several layers of a model with long sequences fit

void hold_device() {
  int devices = 0, driver = 0;
  const cudaError_t found = cudaGetDeviceCount(&devices);
  if (found == cudaSuccess && devices > 0) {
    REHEARSE_CUDA(cudaSetDevice(0));
    return;
  }
  cudaGetLastError();
  if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0)
    throw NoDevice("no CUDA GPU: NVIDIA's driver is not installed");
  throw NoDevice(std::string("no CUDA GPU: ") + cudaGetErrorString(found == cudaSuccess ? cudaErrorNoDevice : found) +
                 " (the driver is for CUDA " + std::to_string(driver / 1000) + "." +
                 std::to_string(driver % 1000 / 10) + ", this program for " + std::to_string(CUDART_VERSION / 1000) +
                 "." + std::to_string(CUDART_VERSION % 1000 / 10) + ")");
}

struct Describe {
  Arena& arena;
  Precision precision;
  Work operator()(const Stream& s) const { return stream_work(s.kind, stream_shape(s.kind, s.bytes), arena); }
  Work operator()(const Gemm& g) const { return gemm_work(g, precision, arena); }
  Work operator()(const Attention& a) const { return attention_work(a, precision, arena); }
  Work operator()(const Roofline&) const { throw CannotRun("only its FLOPs and bytes are known"); }
};

class CudaBench : public Bench {
 public:
  CudaBench() : arena_(arena_limit) {
    raise_clocks();  // the clock that the machine then says is that of a GPU at work
    machine_ = describe_machine();
  }

  [[nodiscard]] const Machine& machine() const override { return machine_; }

  Timing time(const Kernel& kernel, Seconds enough) override {
    arena_.reset();
    try {
      return timer_.time(std::visit(Describe{arena_, kernel.precision}, kernel.work), enough);
    } catch (const CannotRun& reason) {
      return Unsupported{reason.what()};
    }
  }

  Seconds launch(Launch how) override { return time_launch(how, timer_); }

  std::variant<LayerSample, Unsupported> time_layer(const LayerShape& layer, Seconds enough) override {
    arena_.reset();
    try {
      return cuda::time_layer(layer, enough, arena_, timer_);
    } catch (const CannotRun& reason) {
      return Unsupported{reason.what()};
    }
  }

  std::vector<Check> check() override {
    std::vector<Check> checks;
    for (const auto& checker : {check_gemm, check_streams, check_attention}) {
      arena_.reset();
      std::vector<Check> more = checker(arena_);
      std::move(more.begin(), more.end(), std::back_inserter(checks));
    }
    return checks;
  }

 private:
  /// An idle GPU takes a while to come to the clocks at which it works.
  void raise_clocks() {
    const std::size_t count = std::min(arena_.left(), std::size_t{256} << 20);
    void* const memory = arena_.take_bytes(count);
    const auto begin = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - begin < std::chrono::milliseconds(500))
      fill_normal(memory, count / 4, Precision::fp32, 1.0, 0);
  }

  Arena arena_;
  Timer timer_;
  Machine machine_;
};

}  // namespace
}  // namespace cuda

std::unique_ptr<Bench> make_cuda_bench() {
  cuda::hold_device();
  return std::make_unique<cuda::CudaBench>();
}

}  // namespace rehearse
