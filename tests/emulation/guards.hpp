// Writes past the end of a buffer.
#pragma once

namespace rehearse::cuda {

/// Guards behind buffers of the emulated device that were written, so far.
int broken_guards();

}  // namespace rehearse::cuda
