#include "worker/models/device_memory.h"

#include <dlfcn.h>

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <limits>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace merganser {
namespace {

std::optional<DeviceMemory> HostMemory() {
  std::ifstream file("/proc/meminfo");
  int64_t total_kib = -1;
  int64_t available_kib = -1;
  std::string key;
  int64_t value = 0;
  while (file >> key >> value) {
    if (key == "MemTotal:") total_kib = value;
    if (key == "MemAvailable:") available_kib = value;
    file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  if (total_kib < 0 || available_kib < 0) return std::nullopt;
  return DeviceMemory{.total = total_kib << 10,
                      .used = (total_kib - available_kib) << 10};
}

// libtorch for CPUs comes without CUDA's headers; a process that computes on a
// GPU has its runtime library loaded.
std::optional<DeviceMemory> CudaMemory(int device) {
  using SetDevice = int (*)(int);
  using MemGetInfo = int (*)(size_t* free, size_t* total);
  const auto set_device =
      reinterpret_cast<SetDevice>(dlsym(RTLD_DEFAULT, "cudaSetDevice"));
  const auto get_info =
      reinterpret_cast<MemGetInfo>(dlsym(RTLD_DEFAULT, "cudaMemGetInfo"));
  size_t free = 0;
  size_t total = 0;
  if (set_device == nullptr || get_info == nullptr || set_device(device) != 0 ||
      get_info(&free, &total) != 0) {
    return std::nullopt;
  }
  return DeviceMemory{.total = static_cast<int64_t>(total),
                      .used = static_cast<int64_t>(total - free)};
}

}  // namespace

std::optional<DeviceMemory> MemoryOf(const std::string& device) {
  if (device == "cpu") return HostMemory();
  absl::string_view number = device;
  int index = 0;
  if (!absl::ConsumePrefix(&number, "cuda:") ||
      !absl::SimpleAtoi(number, &index)) {
    return std::nullopt;
  }
  return CudaMemory(index);
}

}  // namespace merganser
