#include "platforms/calibrate/cuda/nvml.hpp"

#include <dlfcn.h>

#include <array>

#include "platforms/calibrate/cuda/work.hpp"

namespace rehearse::cuda {
namespace {

// As nvml.h declares them; the toolkit may lack that header. Every function returns 0 where all is well.
using NvmlDevice = void*;
constexpr unsigned sm_clock_kind = 1, memory_clock_kind = 2, gpu_sensor = 0;
const std::string not_known = "not known";

class Nvml {
 public:
  Nvml() : library_(dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL)) {
    if (library_ == nullptr || call<int (*)()>("nvmlInit_v2") != 0) return;
    started_ = true;
    int current = 0;
    std::array<char, 64> bus{};
    REHEARSE_CUDA(cudaGetDevice(&current));
    REHEARSE_CUDA(cudaDeviceGetPCIBusId(bus.data(), static_cast<int>(bus.size()), current));
    found_ = call<int (*)(const char*, NvmlDevice*)>("nvmlDeviceGetHandleByPciBusId_v2", bus.data(), &device_) == 0;
  }
  ~Nvml() {
    if (started_) call<int (*)()>("nvmlShutdown");
    if (library_ != nullptr) dlclose(library_);
  }
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  [[nodiscard]] std::string driver() const {
    std::array<char, 96> text{};
    const auto size = static_cast<unsigned>(text.size() - 1);
    if (!started_ || call<int (*)(char*, unsigned)>("nvmlSystemGetDriverVersion", text.data(), size) != 0)
      return not_known;
    return text.data();
  }
  /// A number that the function puts behind its last argument, in whole `unit`s.
  [[nodiscard]] std::string number(const char* function, unsigned divisor, const char* unit) const {
    unsigned value = 0;
    if (!found_ || call<int (*)(NvmlDevice, unsigned*)>(function, device_, &value) != 0) return not_known;
    return std::to_string(value / divisor) + unit;
  }
  [[nodiscard]] std::string number_of(const char* function, unsigned kind, const char* unit) const {
    unsigned value = 0;
    if (!found_ || call<int (*)(NvmlDevice, unsigned, unsigned*)>(function, device_, kind, &value) != 0)
      return not_known;
    return std::to_string(value) + unit;
  }
  [[nodiscard]] std::string mode(const char* function) const {
    unsigned now = 0, pending = 0;
    if (!found_ || call<int (*)(NvmlDevice, unsigned*, unsigned*)>(function, device_, &now, &pending) != 0)
      return not_known;
    return now != 0 ? "on" : "off";
  }

 private:
  /// -1 where the library has no such function.
  template <class Function, class... Arguments>
  int call(const char* name, Arguments... arguments) const {
    const auto function = reinterpret_cast<Function>(dlsym(library_, name));
    return function == nullptr ? -1 : function(arguments...);
  }

  void* library_;
  NvmlDevice device_ = nullptr;
  bool started_ = false, found_ = false;
};

}  // namespace

Management management_facts() {
  const Nvml nvml;
  Management facts;
  facts.driver = nvml.driver();
  facts.sm_clock = nvml.number_of("nvmlDeviceGetClockInfo", sm_clock_kind, " MHz");
  facts.memory_clock = nvml.number_of("nvmlDeviceGetClockInfo", memory_clock_kind, " MHz");
  facts.power_limit = nvml.number("nvmlDeviceGetEnforcedPowerLimit", 1000, " W");
  facts.temperature = nvml.number_of("nvmlDeviceGetTemperature", gpu_sensor, " C");
  facts.mig = nvml.mode("nvmlDeviceGetMigMode");
  return facts;
}

}  // namespace rehearse::cuda
