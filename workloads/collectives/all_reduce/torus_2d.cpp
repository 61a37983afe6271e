// By dimension on a grid of R rows and C columns (Mikami et al. 2018, "Massively distributed SGD"): ring reduce_scatter
// along rows, ring all_reduce along columns on shares, ring all_gather along rows.
// 2(C-1)(alpha + S/C beta) + 2(R-1)(alpha + S/(RC) beta).
#include <cassert>

#include "workloads/collectives/rows.hpp"
#include "workloads/collectives/two_levels.hpp"

namespace rehearse {

namespace {

/// The most square grid has the largest divisor up to the root.
std::uint32_t rows_of(const CollectiveRequest& request) {
  std::uint32_t rows = 1;
  for (std::uint32_t r = 1; r <= request.ranks / r; ++r)
    if (request.ranks % r == 0) rows = r;
  return request.rows == 0 ? rows : request.rows;
}

Pattern build(const CollectiveRequest& request) {
  const std::uint32_t rows = rows_of(request), columns = request.ranks / rows;
  assert(rows * columns == request.ranks);
  std::vector<std::vector<std::uint32_t>> grid(rows);
  for (std::uint32_t p = 0; p < request.ranks; ++p) grid[p / columns].push_back(p);
  return two_level_all_reduce(request, grid);
}

}  // namespace

const CollectiveRow all_reduce_torus_2d_row{"torus_2d", CollectiveOp::all_reduce,
                                            "rings along rows, columns and rows of a grid; bandwidth-optimal", build};

}  // namespace rehearse
