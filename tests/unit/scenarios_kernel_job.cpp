// A kernel on a device, of studies.
#include <doctest/doctest.h>

#include <string>

#include "engine/base/document.hpp"
#include "engine/base/error.hpp"
#include "scenarios/kernel_job.hpp"
#include "tests/support/relative.hpp"

using namespace rehearse;
using namespace rehearse::testing;

namespace {

KernelJob job_of(const std::string& yaml) { return read_kernel_job(parse_yaml(yaml, "k.yaml")); }

std::string faults_of(const std::string& yaml) {
  try {
    job_of(yaml);
  } catch (const InputError& error) {
    return error.what();
  }
  return {};
}

const std::string sizes = "gemm: {m: 512, n: 256, k: 128}";

}  // namespace

TEST_CASE("a kernel takes what its device says") {
  const Device device = load_device("h100-80gb-sxm");
  for (const Layout layout : {Layout::tn, Layout::nn, Layout::nt})
    for (const Precision precision : {Precision::bf16, Precision::fp8}) {
      const KernelJob job =
          job_of("device: h100-80gb-sxm\ngemm: {batch: 3, m: 512, n: 256, k: 128}\nlayout: " +
                 std::string(layout_name(layout)) + "\nprecision: " + std::string(precision_name(precision)));
      const Seconds time = device.time({.name = {}, .work = Gemm{3, 512, 256, 128, layout}, .precision = precision});
      CHECK(job.time() == time);
      CHECK(job.rate().value() == relative(2.0 * 3 * 512 * 256 * 128 / time.value(), 1e-9));
    }
}

TEST_CASE("a kernel's defaults, and a device of its own") {
  const KernelJob job = job_of("device: {base: h100-80gb-sxm, launch: {overhead: 1 ms}}\n" + sizes);
  CHECK(std::get<Gemm>(job.kernel.work) == Gemm{1, 512, 256, 128, Layout::tn});
  CHECK(job.kernel.precision == Precision::bf16);
  CHECK(job.time().value() - job_of("device: h100-80gb-sxm\n" + sizes).time().value() == relative(998e-6, 1e-6));
  CHECK(job.resolved.find("gemm")->find("batch")->text == "1");
  CHECK(job.resolved.find("layout")->text == "tn");
}

TEST_CASE("kernels that make no sense are faults") {
  CHECK(faults_of(sizes) == "k.yaml:1: device: missing; expected a value");
  CHECK(faults_of("device: h100-80gb-sx\n" + sizes)
            .find("unknown device 'h100-80gb-sx'; did you mean "
                  "'h100-80gb-sxm'?") != std::string::npos);
  CHECK(faults_of("device: h100-80gb-sxm\ngemm: {m: 0, n: 1, kk: 1}") ==
        "k.yaml:2: gemm.m: expected at least 1, found 0\nk.yaml:2: gemm.k: missing; expected a whole number\n"
        "k.yaml:2: gemm.kk: unknown key; did you mean 'k'? the kernel takes here: batch, m, n, k");
  CHECK(faults_of("device: h100-80gb-sxm\nprecision: bf15\nlayout: tt\n" + sizes).find("did you mean 'bf16'?") !=
        std::string::npos);
  CHECK(faults_of("device: a100-80gb-sxm\nprecision: fp8\n" + sizes).find("precision: ") != std::string::npos);
}
