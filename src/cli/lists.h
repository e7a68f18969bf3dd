// Lists on the command line, as 0,3,17, and the rows that such numbers stand for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "latent/data.h"

namespace latent::cli {

/// The pieces between separators, none of them empty; UsageError naming `flag` where one is.
std::vector<std::string> split_list(const std::string& text, const char* flag,
                                    char separator = ',');
/// Whole numbers; UsageError, naming `flag`, for what is none or not in [low, high].
std::vector<int64_t> whole_numbers(const std::string& text, const char* flag, int64_t low,
                                   int64_t high);
/// A finite number; UsageError, naming `flag`, for what is none.
double number(const std::string& text, const char* flag);
/// Numbers of rows of the data, counted from 0.
std::vector<int64_t> row_numbers(const std::string& text, const Data& data,
                                 const char* flag = "--row");
/// The values of these rows, one after another, as the data hold them.
std::vector<float> rows_at(const Data& data, const std::vector<int64_t>& rows);

}  // namespace latent::cli
