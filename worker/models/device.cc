#include "worker/models/device.h"

#include <dlfcn.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <system_error>

#include "ATen/Context.h"
#include "ATen/Parallel.h"
#include "ATen/Version.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "common/base/digest.h"
#include "common/base/status_macros.h"
#include "torch/version.h"
#include "worker/models/torch_boundary.h"

namespace merganser {
namespace {

// The value of the first line "key : value" of a file of the proc filesystem.
std::string ProcValue(const std::string& path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.rfind(key, 0) != 0) continue;
    const size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    return std::string(absl::StripAsciiWhitespace(line.substr(colon + 1)));
  }
  return "";
}

std::string CpuModel() {
  const std::string path = "/proc/cpuinfo";
  return absl::StrCat(ProcValue(path, "model name"), " family ",
                      ProcValue(path, "cpu family"), " model ",
                      ProcValue(path, "model\t"));
}

// The models of all GPUs of the machine; which of them is cuda:N is known to
// the CUDA library alone, and machines mix them rarely.
std::string GpuModels() {
  std::set<std::string> models;
  std::error_code error;
  for (const auto& gpu :
       std::filesystem::directory_iterator("/proc/driver/nvidia/gpus", error)) {
    models.insert(ProcValue(gpu.path() / "information", "Model"));
  }
  return models.empty() ? "unknown model" : absl::StrJoin(models, "+");
}

// The kernels that OpenBLAS picked for this CPU, where it is the library.
std::string BlasKernels() {
  using GetName = char* (*)();
  const auto core =
      reinterpret_cast<GetName>(dlsym(RTLD_DEFAULT, "openblas_get_corename"));
  return core == nullptr ? "" : absl::StrCat("/openblas ", core());
}

// libtorch describes how it was built, and the CPU capability that it uses, in
// several lines; a digest of them tells builds apart.
std::string LibraryBuild() {
  return absl::StrCat("torch ", TORCH_VERSION, " ",
                      Sha256(at::show_config()).ToHex().substr(0, 8),
                      BlasKernels());
}

int64_t HostMemoryBytes() {
  return int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
}

absl::StatusOr<std::string> ResolveName(const std::string& name) {
  const bool has_cuda = at::hasCUDA();
  if (name == "auto") return std::string(has_cuda ? "cuda:0" : "cpu");
  if (name == "cpu") return name;
  int index = 0;
  absl::string_view number = name;
  if (!absl::ConsumePrefix(&number, "cuda:") ||
      !absl::SimpleAtoi(number, &index) || index < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("device \"", name, "\"; expected auto, cpu or cuda:N"));
  }
  const int devices = has_cuda ? static_cast<int>(at::getNumGPUs()) : 0;
  if (index >= devices) {
    return absl::FailedPreconditionError(
        absl::StrCat("device ", name, ": there are ", devices,
                     " CUDA devices that this build of libtorch can use"));
  }
  return absl::StrCat("cuda:", index);
}

}  // namespace

absl::StatusOr<v1::Device> OpenDevice(const std::string& name, int threads) {
  v1::Device device;
  absl::Status resolved;
  RETURN_IF_ERROR(CatchTorch("opening the device", [&] {
    at::set_num_threads(threads);
    at::globalContext().setAllowTF32CuBLAS(false);
    at::globalContext().setBenchmarkCuDNN(false);
    const auto found = ResolveName(name);
    resolved = found.status();
    if (found.ok()) device.set_name(*found);
  }));
  RETURN_IF_ERROR(resolved);
  if (device.name() == "cpu") {
    device.set_device_class(
        absl::StrCat("cpu/", CpuModel(), "/", LibraryBuild(), "/float32/",
                     threads, threads == 1 ? " thread" : " threads"));
    device.set_memory_bytes(HostMemoryBytes());
    device.set_capacity(threads);
  } else {
    device.set_device_class(absl::StrCat("cuda/", GpuModels(), "/torch ",
                                         TORCH_VERSION, "/float32/no tf32"));
    // A GPU counts for as much as the cores that usually come with it.
    device.set_capacity(16);
  }
  return device;
}

void UseDeviceOnThisThread() {
  thread_local const bool once = [] {
    at::init_num_threads();
    return true;
  }();
  static_cast<void>(once);
}

}  // namespace merganser
