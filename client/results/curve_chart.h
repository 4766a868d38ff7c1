// The accuracy of the best member over the campaign, as a table and a picture.
#pragma once

#include <string>

#include "client/results/summary.h"

namespace merganser {

// curve.csv: a header line, then a row per point. A holdout accuracy that is
// not known is an empty field.
std::string CurveCsv(const Summary& summary);

// curve.svg: search and holdout accuracy of the best member over evaluations,
// as steps up to the last evaluation. Plain SVG 1.1 without scripts, links or
// fonts of its own.
std::string CurveSvg(const Summary& summary);

}  // namespace merganser
