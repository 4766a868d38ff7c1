// Runs a test once for each instruction set that this CPU has.
#pragma once

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cstdint>
#include <vector>

namespace merganser {

// The parameter is the instruction set, one of SupportedTargets().
class InstructionSetTest : public testing::TestWithParam<int64_t> {
 protected:
  void SetUp() override {
    hwy::SetSupportedTargetsForTest(GetParam());
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
  void TearDown() override {
    hwy::SetSupportedTargetsForTest(0);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
};

inline std::vector<int64_t> SupportedTargets() {
  std::vector<int64_t> targets;
  for (int bit = 0; bit < 62; ++bit) {
    const int64_t target = int64_t{1} << bit;
    if (hwy::SupportedTargets() & HWY_TARGETS & target) {
      targets.push_back(target);
    }
  }
  return targets;
}

}  // namespace merganser
