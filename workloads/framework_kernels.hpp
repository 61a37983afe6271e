// What the kernels of a framework do more than those of workloads/layers/, which are as few as can be. Private to
// workloads.
#pragma once

#include "workloads/framework.hpp"
#include "workloads/steps.hpp"

namespace rehearse {

/// The steps of a pass with `framework.eager`: streams with the bytes that separate kernels move, kernels that others
/// fuse with a product, and without those that a recomputation leaves out. No collective and no memory changes.
/// docs/model.md, "Kernels of a framework", counts the bytes.
Steps with_framework_kernels(Steps steps, const Model& model, const Plan& plan, const Framework& framework);

}  // namespace rehearse
