#include <array>

#include "workloads/pipeline/rows.hpp"

namespace rehearse {

const Table<PipelineRow>& pipeline_table() {
  static const std::array<PipelineRow, 10> rows{
      gpipe_row, one_f_one_b_row, interleaved_row, zero_bubble_h1_row, zero_bubble_h2_row,
      zb_1p_row, zb_2p_row,       zb_v_row,        dualpipe_row,       chimera_row};
  static const Table<PipelineRow> table("pipeline schedule", rows);
  return table;
}

}  // namespace rehearse
