#include "worker/models/device_memory.h"

#include <gtest/gtest.h>

#include <cstddef>

namespace {

int device_in_use = 0;

}  // namespace

// What CUDA's runtime library has, for device 1 alone; found as that would be.
extern "C" {
int cudaSetDevice(int device) {
  device_in_use = device;
  return device == 1 ? 0 : 101;
}
int cudaMemGetInfo(size_t* free, size_t* total) {
  if (device_in_use != 1) return 2;
  *free = size_t{30} << 30;
  *total = size_t{80} << 30;
  return 0;
}
}

namespace merganser {
namespace {

TEST(DeviceMemoryTest, OfACpuIsTheMachines) {
  const auto memory = MemoryOf("cpu");
  ASSERT_TRUE(memory.has_value());
  EXPECT_GT(memory->total, int64_t{1} << 28);
  EXPECT_GT(memory->used, int64_t{1} << 20);
  EXPECT_LT(memory->used, memory->total);
}

TEST(DeviceMemoryTest, OfAGpuIsWhatItsLibrarySays) {
  const auto memory = MemoryOf("cuda:1");
  ASSERT_TRUE(memory.has_value());
  EXPECT_EQ(memory->total, int64_t{80} << 30);
  EXPECT_EQ(memory->used, int64_t{50} << 30);
}

TEST(DeviceMemoryTest, OfADeviceThatIsNotThereIsUnknown) {
  for (const char* device : {"cuda:0", "cuda:x", "tpu", ""}) {
    EXPECT_FALSE(MemoryOf(device).has_value()) << device;
  }
}

}  // namespace
}  // namespace merganser
