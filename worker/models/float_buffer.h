// Memory for floats that is kept and grows on demand.
#pragma once

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

namespace merganser {

// Threads: none.
class FloatBuffer {
 public:
  // Room for `size` floats, of any value; what was there may be lost.
  // Throws std::bad_alloc.
  void Reserve(int64_t size) {
    if (size <= size_) return;
    constexpr int64_t kAlignment = 2 << 20;  // a huge page
    const int64_t bytes = size * static_cast<int64_t>(sizeof(float));
    const int64_t alignment = bytes < kAlignment ? 64 : kAlignment;
    data_.reset();
    size_ = 0;
    data_.reset(static_cast<float*>(std::aligned_alloc(
        alignment, (bytes + alignment - 1) / alignment * alignment)));
    if (data_ == nullptr) throw std::bad_alloc();
    size_ = size;
    // Reading weights is twice as fast; where it is refused, nothing is lost.
    if (bytes >= kAlignment) {
      madvise(data_.get(), bytes / kAlignment * kAlignment, MADV_HUGEPAGE);
    }
  }

  float* data() { return data_.get(); }
  const float* data() const { return data_.get(); }

 private:
  struct Free {
    void operator()(float* memory) const { std::free(memory); }
  };

  std::unique_ptr<float, Free> data_;
  int64_t size_ = 0;
};

}  // namespace merganser
