#include "common/command_line/device_name.h"

#include <string>

#include "gtest/gtest.h"

namespace merganser {
namespace {

TEST(DeviceNameTest, TakesTheNamesThatAWorkerKnows) {
  for (const char* name : {"auto", "cpu", "cuda:0", "cuda:17"}) {
    std::string value = name;
    EXPECT_EQ(DeviceName()(value), "") << name;
  }
}

TEST(DeviceNameTest, RefusesOthersAndSaysWhatIsExpected) {
  for (const char* name : {"", "gpu", "cuda", "cuda:", "cuda:x", "cuda:-1",
                           "cuda: 1", "cuda:99999999999", "CPU"}) {
    std::string value = name;
    EXPECT_EQ(DeviceName()(value), std::string("expected auto, cpu or cuda:N; "
                                               "got \"") +
                                       name + "\"");
  }
}

}  // namespace
}  // namespace merganser
