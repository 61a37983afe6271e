// The rows of the table of allocators, one file each. Private to workloads/memory.
#pragma once

#include "workloads/memory/allocator.hpp"

namespace rehearse {

extern const AllocatorRow caching_row;
extern const AllocatorRow device_row;
extern const AllocatorRow expandable_row;
extern const AllocatorRow ideal_row;

}  // namespace rehearse
