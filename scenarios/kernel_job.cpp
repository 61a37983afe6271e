#include "scenarios/kernel_job.hpp"

#include <stdexcept>
#include <string>
#include <utility>

#include "platforms/catalogue.hpp"

namespace rehearse {

namespace {

Device read_device_of(Reader& reader) {
  Reader here = reader.child("device", true);
  here.mark_read();
  if (!reader.has("device")) return {};
  Value root;
  root["device"] = resolve_entry("devices", here.value(), "device");
  Reader whole(std::move(root), "device");
  Reader entry = whole.child("device");
  Device device = read_device(entry);
  whole.finish();
  return device;
}

Gemm read_gemm(Reader reader) {
  Gemm gemm;
  gemm.batch = reader.get_at_least("batch", 1, 1);
  gemm.m = reader.get_at_least("m", 1);
  gemm.n = reader.get_at_least("n", 1);
  gemm.k = reader.get_at_least("k", 1);
  return gemm;
}

/// A name's meaning, of which a fault says what else there is.
template <class Meaning>
Meaning read_named(Reader& reader, const char* key, const char* fallback, Meaning (*of_name)(std::string_view)) {
  try {
    return of_name(reader.get<std::string>(key, fallback));
  } catch (const std::invalid_argument& error) {
    reader.fault(key, error.what());
    return of_name(fallback);
  }
}

Value resolved_of(const KernelJob& job, const Value& device) {
  const Gemm& gemm = std::get<Gemm>(job.kernel.work);
  Value out;
  out["device"] = device;
  out["precision"] = scalar_value(std::string(precision_name(job.kernel.precision)));
  out["layout"] = scalar_value(std::string(layout_name(gemm.layout)));
  for (const auto& [key, size] : {std::pair{"batch", gemm.batch}, {"m", gemm.m}, {"n", gemm.n}, {"k", gemm.k}})
    out["gemm"][key] = scalar_value(size);
  return out;
}

}  // namespace

KernelJob read_kernel_job(Value root) {
  Reader reader(std::move(root), "kernel");
  KernelJob job;
  job.device = read_device_of(reader);
  Gemm gemm = read_gemm(reader.child("gemm", true));
  gemm.layout = read_named(reader, "layout", "tn", layout_of_name);
  job.kernel.work = gemm;
  job.kernel.precision = read_named(reader, "precision", "bf16", precision_of_name);
  try {
    if (reader.has("device")) static_cast<void>(job.device.peak(job.kernel.precision));
  } catch (const std::invalid_argument& error) {
    reader.fault("precision", error.what());
  }
  reader.finish();
  job.resolved = resolved_of(job, *reader.value().find("device"));
  return job;
}

}  // namespace rehearse
