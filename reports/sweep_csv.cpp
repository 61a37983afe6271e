#include <ostream>

#include "engine/base/csv.hpp"
#include "reports/sweep_report.hpp"

namespace rehearse {

void write_sweep_csv(const SweepResult& result, std::ostream& out) {
  out << csv_line(sweep_heading(result.sweep));
  for (std::size_t i = 0; i < result.rows.size(); ++i) out << csv_line(sweep_cells(result.sweep, i, result.rows[i]));
}

}  // namespace rehearse
