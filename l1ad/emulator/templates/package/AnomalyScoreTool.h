// For Athena-style tools: a class without state that changes, so that one object serves every event slot. Derive an AthAlgTool that
// holds one, call check() in initialize() and score() in execute().
#pragma once
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "l1ad_emulator.h"

namespace l1ad {

struct Decision {
  int64_t score;  // integer score, in units of l1ad_step()
  uint64_t bits;  // bit i: score >= threshold i
  bool passes(int threshold) const { return (bits >> threshold) & 1u; }
};

class AnomalyScoreTool {
 public:
  // Refuse an emulator that is not the one the job was configured for.
  void check(const std::string& digest, const std::string& layout) const {
    if (digest != l1ad_digest())
      throw std::runtime_error("wanted the emulator with digest " + digest + ", got " + l1ad_digest() + "; install that version");
    if (layout != l1ad_layout())
      throw std::runtime_error("wanted an emulator of layout " + layout + ", got " + l1ad_layout() + "; install that version");
  }

  int columns() const { return l1ad_columns(); }

  // Find a column by its name, e.g. "jet[3].pt_hw".
  int column(const std::string& name) const {
    for (int i = 0; i < l1ad_columns(); ++i)
      if (name == l1ad_column_name(i)) return i;
    throw std::invalid_argument("there is no column " + name + " in layout " + l1ad_layout());
  }

  // Score one event of columns() hardware integers.
  Decision score(const std::vector<int32_t>& x) const {
    if ((int)x.size() != l1ad_columns())
      throw std::invalid_argument("wanted " + std::to_string(l1ad_columns()) + " hardware integers, got " + std::to_string(x.size()));
    Decision decision{};
    if (l1ad_score32(x.data(), 1, &decision.score, &decision.bits, 1) != 0) throw std::out_of_range(outside(x));
    return decision;
  }

 private:
  static std::string outside(const std::vector<int32_t>& x) {
    for (int i = 0; i < l1ad_columns(); ++i)
      if (x[i] < l1ad_column_low(i) || x[i] > l1ad_column_high(i))
        return std::string(l1ad_column_name(i)) + " is " + std::to_string(x[i]) + ", outside the hardware range [" +
               std::to_string(l1ad_column_low(i)) + ", " + std::to_string(l1ad_column_high(i)) + "]";
    return "an input is outside its hardware range";
  }
};

}  // namespace l1ad
