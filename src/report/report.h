// The page about one run: a struct of what it shows, and the page as text. Nothing here knows a
// model: gather.h fills in what a model gives, the program the rest.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "latent/diagnosis.h"
#include "report/grid.h"
#include "report/svg.h"

namespace latent::report {

/// A line of a table; all texts of a report are plain, escaping is the page's.
using Fact = std::pair<std::string, std::string>;

/// How well a value of a row of a table comes back, in the data's units.
struct ColumnError {
  std::string name;
  double deviation = 0, rmse = 0;  // of the data, and of reconstruction minus data
};

/// What a unit of the code does to the values of a row, where these are no picture.
struct UnitEffects {
  std::vector<std::string> columns;
  /// [units][columns]: the change from the low to the high end of the unit's range, in deviations
  /// of the column.
  std::vector<std::vector<double>> effects;
  std::vector<std::string> units;
};

/// A sound that the page plays.
struct Clip {
  std::string title;
  std::string wav;  // a whole WAV file
};

struct RunReport {
  std::string title;    // "vae on digits"
  std::string notice;   // what the page is not yet, before all else; empty of a finished run
  std::string verdict;  // sentences: did it work?
  std::vector<Finding> findings;    // of the diagnosis
  std::vector<std::string> checks;  // that it made, a clause each of what it found to be well
  bool held_out = true;             // whether rows shown were not trained on
  std::vector<std::string> advice;  // what to try next, a sentence each
  std::vector<Fact> trained;        // what was trained, on what
  std::vector<Fact> measures;       // numbers on these rows
  std::vector<LineChart> curves;
  std::vector<Bar> units;  // how much each unit of the code is used
  std::string units_title;
  std::optional<Picture> reconstructions, samples, traversal, interpolation;
  std::vector<std::pair<Clip, Clip>> heard;  // a sound and what comes back
  std::vector<Clip> drawn;                   // decoded draws from the prior
  std::string traversal_text;                // which units from top to bottom, over which range
  std::vector<ColumnError> columns;
  std::optional<UnitEffects> effects;
  std::optional<Scatter> map;
  std::string map_text;        // what its axes are, and of which rows
  std::vector<Fact> commands;  // what for, command
  std::vector<Fact> reproduction;
};

/// A whole HTML document; the same report gives the same bytes.
std::string report_html(const RunReport& report);

}  // namespace latent::report
