// The scalar figures of a Result, by the names that every table of them has.
#pragma once

#include <string>
#include <vector>

#include "scenarios/result.hpp"

namespace rehearse {

struct ResultFigure {
  std::string name;
  std::string text;    ///< a number as it reads back without loss, or a text
  bool number = true;  ///< else a text
};

/// All that are the same on every machine: not the time that the simulation took.
std::vector<ResultFigure> result_figures(const Result& result);

/// The figures of any simulated Result, without their values.
const std::vector<ResultFigure>& figures_of_results();

}  // namespace rehearse
