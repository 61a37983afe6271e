#include <filesystem>
#include <stdexcept>
#include <utility>
#include <vector>

#include "platforms/catalogue.hpp"
#include "platforms/device.hpp"

namespace rehearse {
namespace {

/// A share of a peak, in (0, 1]: above 1 the model would be faster than the datasheet.
double read_share(Reader& reader, const std::string& key, const double* fallback) {
  const double share = fallback ? reader.get_positive<double>(key, *fallback) : reader.get_positive<double>(key);
  if (share <= 1.0) return share;
  reader.fault(key, "expected at most 1 (a share of the datasheet's number)");
  return 1.0;
}

template <class T>
T read_not_negative(Reader& reader, const std::string& key, const T* fallback) {
  const T value = fallback ? reader.get<T>(key, *fallback) : reader.get<T>(key);
  if (value >= T{}) return value;
  reader.fault(key, "expected at least 0");
  return T{};
}

/// What `like` has stands in for keys that are absent; without it they are required.
GemmProfile read_gemm(Reader& reader, const GemmProfile* like) {
  GemmProfile profile;
  profile.peak =
      like ? reader.get_positive<FlopsPerSecond>("peak", like->peak) : reader.get_positive<FlopsPerSecond>("peak");
  profile.efficiency = read_share(reader, "efficiency", like ? &like->efficiency : nullptr);
  profile.setup = read_not_negative<Seconds>(reader, "setup", like ? &like->setup : nullptr);
  profile.k_ramp = read_not_negative<double>(reader, "k_ramp", like ? &like->k_ramp : nullptr);
  profile.tile_ramp = read_not_negative<double>(reader, "tile_ramp", like ? &like->tile_ramp : nullptr);
  profile.origin = reader.get<std::string>("origin");
  if (like && !like->origin.empty()) profile.origin += "; its model: " + like->origin;
  return profile;
}

/// Sections of precisions; first those that stand alone, so that `like` finds its model wherever it stands.
void read_precisions(Reader& sections, std::map<Precision, GemmProfile>& out) {
  std::vector<std::string> alone, alike;
  for (const std::string& name : sections.keys()) {
    try {
      static_cast<void>(precision_of_name(name));
      (sections.child(name).has("like") ? alike : alone).push_back(name);
    } catch (const std::invalid_argument& unknown) {
      sections.fault(name, unknown.what());
      sections.child(name).mark_read();
    }
  }
  for (const std::string& name : alone) {
    Reader section = sections.child(name, true);
    out[precision_of_name(name)] = read_gemm(section, nullptr);
  }
  std::map<Precision, GemmProfile> derived;
  for (const std::string& name : alike) {
    Reader section = sections.child(name, true);
    const std::string model = section.get_name("like", "precision with numbers of its own", alone);
    const auto found = section.any_fault() ? out.end() : out.find(precision_of_name(model));
    const GemmProfile none;
    derived[precision_of_name(name)] = read_gemm(section, found == out.end() ? &none : &found->second);
  }
  out.merge(derived);
}

}  // namespace

Device read_device(Reader& reader) {
  Device device;
  device.name = reader.get<std::string>("name", "");
  device.description = reader.get<std::string>("description", "");
  device.origin = reader.get<std::string>("origin");
  device.multiprocessors = reader.get_at_least("multiprocessors", 1);
  Reader launch = reader.child("launch", true);
  device.launch_overhead = launch.get_positive<Seconds>("overhead");
  device.launch_origin = launch.get<std::string>("origin");
  Reader memory = reader.child("memory", true);
  device.memory_capacity = memory.get_positive<Bytes>("capacity");
  device.memory_bandwidth = memory.get_positive<BytesPerSecond>("bandwidth");
  device.memory_efficiency = read_share(memory, "efficiency", nullptr);
  device.memory_latency = read_not_negative<Seconds>(memory, "latency", nullptr);
  device.memory_origin = memory.get<std::string>("origin");
  Reader gemm = reader.child("gemm", true);
  read_precisions(gemm, device.gemm);
  if (device.gemm.empty() && reader.has("gemm")) reader.fault("gemm", "expected at least one precision");
  return device;
}

Device load_device(const std::string& name_or_path) {
  Value name;
  name.type = Value::Type::scalar;
  name.text = name_or_path;
  Reader reader(resolve_entry("devices", name, "device"), "device");
  Device device = read_device(reader);
  reader.finish();
  if (device.name.empty()) device.name = std::filesystem::path(name_or_path).filename().string();
  if (device.name.ends_with(".yaml")) device.name.resize(device.name.size() - 5);
  return device;
}

}  // namespace rehearse
