#include <filesystem>
#include <stdexcept>
#include <utility>
#include <vector>

#include "engine/base/document.hpp"
#include "engine/base/quantity_text.hpp"
#include "platforms/attention_model.hpp"
#include "platforms/catalogue.hpp"
#include "platforms/device.hpp"
#include "platforms/device_points.hpp"
#include "platforms/gemm_model.hpp"

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
  read_family(reader, profile.measured);
  return profile;
}

/// Sections of precisions; first those that stand alone, so that `like` finds its model wherever it stands.
/// The model of each that has one.
std::map<Precision, Precision> read_precisions(Reader& sections, std::map<Precision, GemmProfile>& out) {
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
  std::map<Precision, Precision> models;
  for (const std::string& name : alike) {
    Reader section = sections.child(name, true);
    const std::string model = section.get_name("like", "precision with numbers of its own", alone);
    const auto found = section.any_fault() ? out.end() : out.find(precision_of_name(model));
    const GemmProfile none;
    derived[precision_of_name(name)] = read_gemm(section, found == out.end() ? &none : &found->second);
    if (found != out.end()) models[precision_of_name(name)] = found->first;
  }
  out.merge(derived);
  return models;
}

/// Where the chip runs two precisions at the same rate, measured times of one are those of the other.
void share_measured(const std::map<Precision, Precision>& models, std::map<Precision, GemmProfile>& gemm) {
  for (const auto& [precision, model] : models) {
    GemmProfile& profile = gemm.at(precision);
    if (profile.peak == gemm.at(model).peak && profile.measured.points.empty())
      profile.measured = gemm.at(model).measured;
  }
}

/// A profile that was cut off is no smaller profile: the number of points stands at its head, `complete` at its end.
void check_whole(Reader& reader, const Device& device) {
  const bool readable = !reader.any_fault();  // else points are missing for a better reason
  const auto found = static_cast<std::int64_t>(measured_points(device));
  const std::int64_t told = reader.get_at_least("measured_points", 0, 0);
  const bool complete = reader.get<bool>("complete", false);
  if (readable && told != found)
    reader.fault("measured_points", "the families have " + std::to_string(found) + ": is the file cut off?");
  else if (readable && told > 0 && !complete)
    reader.fault("complete", "expected `complete: true` at the end of measured times: is the file cut off?");
}

StreamKind stream_of_name(const std::string& name) {
  if (const StreamRow* row = stream_table().find(name)) return row->kind;
  throw std::invalid_argument(stream_table().unknown(name));
}

/// A section for each member that `member_of` knows; others are faults.
template <class Member, class Work, class MemberOf>
void read_families(Reader& reader, const std::string& key, std::map<Member, Family<Work>>& out, MemberOf member_of) {
  if (!reader.has(key)) return;
  Reader sections = reader.child(key);
  for (const std::string& name : sections.keys()) {
    try {
      Family<Work>& family = out[member_of(name)];
      Reader section = sections.child(name, true);
      read_family(section, family);
      if (!section.has("measured")) section.fault("measured", "missing; expected measured times");
    } catch (const std::invalid_argument& unknown) {
      sections.fault(name, unknown.what());
      sections.child(name).mark_read();
    }
  }
}

std::vector<std::pair<std::string, std::string>> read_provenance(Reader& reader) {
  std::vector<std::pair<std::string, std::string>> out;
  Reader section = reader.child("provenance");
  for (const std::string& key : section.keys()) out.emplace_back(key, section.get<std::string>(key));
  return out;
}

/// A time below what the chip's own peaks allow says that a peak or a unit is wrong: nothing built on it could be
/// right.
void check_bounds(Reader& reader, const Device& device) {
  const auto check = [&](const std::string& key, const auto& family, const auto& bound_of) {
    for (std::size_t i = 0; i < family.points.size(); ++i) {
      const Seconds bound = bound_of(family.points[i].work);
      // Written with six digits, a time may lie that much below.
      if (family.points[i].time >= bound * (1.0 - 1e-5)) continue;
      return reader.fault(key, "row " + std::to_string(i + 1) + ": less than the " + to_text(bound) +
                                   " that the profile's own peak and bandwidth allow");
    }
  };
  for (const auto& entry : device.gemm)
    check("gemm", entry.second.measured,
          [&](const Gemm& g) { return gemm_bound(device, entry.second, entry.first, g); });
  for (const auto& entry : device.attention) {
    const auto profile = device.gemm.find(entry.first);
    if (profile == device.gemm.end())
      reader.fault("attention", "measured in " + std::string(precision_name(entry.first)) +
                                    ", of which `gemm` has no section with its peak");
    else
      check("attention", entry.second,
            [&](const Attention& a) { return attention_bound(device, profile->second, entry.first, a); });
  }
}

void read_allocation(Reader& reader, Device& device) {
  Reader section = reader.child("allocation");
  if (!reader.has("allocation")) return;
  device.context_memory = read_not_negative<Bytes>(section, "context", &device.context_memory);
  device.malloc_time = read_not_negative<Seconds>(section, "malloc", &device.malloc_time);
  device.free_time = read_not_negative<Seconds>(section, "free", &device.free_time);
  device.allocation_origin = section.get<std::string>("origin");
}

FlashProfile read_flash(Reader& reader) {
  FlashProfile profile;
  if (!reader.has("flash_attention")) return profile;
  Reader section = reader.child("flash_attention");
  profile.forward = read_share(section, "forward", nullptr);
  profile.backward = read_share(section, "backward", nullptr);
  profile.origin = section.get<std::string>("origin");
  return profile;
}

SustainedProfile read_sustained(Reader& reader) {
  SustainedProfile profile;
  if (!reader.has("sustained")) return profile;
  Reader section = reader.child("sustained");
  profile.products = read_share(section, "products", nullptr);
  profile.origin = section.get<std::string>("origin");
  return profile;
}

}  // namespace

Device read_device(Reader& reader) {
  Device device;
  device.name = reader.get<std::string>("name", "");
  device.description = reader.get<std::string>("description", "");
  device.origin = reader.get<std::string>("origin");
  device.provenance = read_provenance(reader);
  device.multiprocessors = reader.get_at_least("multiprocessors", 1);
  Reader launch = reader.child("launch", true);
  device.launch_overhead = launch.get_positive<Seconds>("overhead");
  device.launch_host = read_not_negative<Seconds>(launch, "host", &device.launch_host);
  device.launch_origin = launch.get<std::string>("origin");
  Reader memory = reader.child("memory", true);
  device.memory_capacity = memory.get_positive<Bytes>("capacity");
  device.memory_bandwidth = memory.get_positive<BytesPerSecond>("bandwidth");
  device.memory_efficiency = read_share(memory, "efficiency", nullptr);
  device.memory_latency = read_not_negative<Seconds>(memory, "latency", nullptr);
  device.memory_origin = memory.get<std::string>("origin");
  read_allocation(reader, device);
  Reader gemm = reader.child("gemm", true);
  const std::map<Precision, Precision> models = read_precisions(gemm, device.gemm);
  if (device.gemm.empty() && reader.has("gemm")) reader.fault("gemm", "expected at least one precision");
  device.flash = read_flash(reader);
  device.sustained = read_sustained(reader);
  read_families(reader, "attention", device.attention, [](const std::string& name) { return precision_of_name(name); });
  read_families(reader, "streams", device.streams, stream_of_name);
  check_whole(reader, device);
  if (reader.any_fault()) return device;
  share_measured(models, device.gemm);
  check_bounds(reader, device);
  device.build_tables();
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
