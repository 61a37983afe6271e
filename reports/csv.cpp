// One row of scalar figures under a header.
#include <fmt/format.h>

#include <ostream>
#include <utility>

#include "engine/base/csv.hpp"
#include "reports/report.hpp"
#include "scenarios/result_figures.hpp"

namespace rehearse {

void write_csv(const Result& result, std::ostream& out) {
  std::vector<std::string> names, texts;
  for (ResultFigure& figure : result_figures(result)) {
    names.push_back(std::move(figure.name));
    texts.push_back(std::move(figure.text));
  }
  names.emplace_back("wall_s");
  texts.push_back(fmt::to_string(result.wall.value()));
  out << csv_line(names) << csv_line(texts);
}

}  // namespace rehearse
