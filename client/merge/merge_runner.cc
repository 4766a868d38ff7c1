#include "client/merge/merge_runner.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/synchronization/mutex.h"
#include "common/base/status_macros.h"
#include "common/genome/exact_math.h"
#include "common/genome/vector_kernels.h"

namespace merganser {
namespace {

// What a thread makes at a time; its inputs stay in the caches between the
// kernels that read them.
constexpr int64_t kItemElements = int64_t{1} << 18;
// Tensors are taken together up to so many, so that small ones do not leave
// threads waiting.
constexpr int64_t kBatchElements = int64_t{1} << 25;
// Widened at a time for inner products.
constexpr int64_t kProductElements = 2048;

// Of mergekit's slerp.
constexpr double kParallel = 0.9995;
constexpr double kZeroNorm = 1e-8;

struct Item {
  size_t tensor = 0;
  int64_t begin = 0;
  int64_t end = 0;
};

// Inner products of two vectors.
struct Products {
  double aa = 0;
  double bb = 0;
  double ab = 0;
};

double SumOf(const std::array<double, kGramLanes>& lanes) {
  return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
         ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

const uint8_t* At(const TensorView& tensor, int64_t element) {
  return tensor.bytes.data() + element * DTypeBytes(tensor.dtype);
}

std::span<const uint8_t> BytesOf(const TensorView& tensor, const Item& item) {
  return {At(tensor, item.begin), At(tensor, item.end)};
}

Products ProductsOf(const TensorView& a, const TensorView& b,
                    const Item& item) {
  std::array<float, kProductElements> x;
  std::array<float, kProductElements> y;
  std::array<double, kGramLanes> aa{};
  std::array<double, kGramLanes> bb{};
  std::array<double, kGramLanes> ab{};
  for (int64_t i = item.begin; i < item.end; i += kProductElements) {
    const int64_t count = std::min(kProductElements, item.end - i);
    Widen(At(a, i), a.dtype, count, x.data());
    Widen(At(b, i), b.dtype, count, y.data());
    AddProducts(x.data(), x.data(), count, aa);
    AddProducts(y.data(), y.data(), count, bb);
    AddProducts(x.data(), y.data(), count, ab);
  }
  return {SumOf(aa), SumOf(bb), SumOf(ab)};
}

std::vector<double> SlerpCoefficientsOf(const Products& products, double t) {
  const auto norm = [](double square) {
    const double root = std::sqrt(square);
    return root > kZeroNorm ? root : 1.0;
  };
  const double cosine = std::clamp(
      products.ab / (norm(products.aa) * norm(products.bb)), -1.0, 1.0);
  if (std::abs(cosine) > kParallel) return {1 - t, t};
  const double angle = ArcCosine(cosine);
  const double sine = Sine(angle);
  return {Sine((1 - t) * angle) / sine, Sine(t * angle) / sine};
}

// The first error of several threads.
class FirstError {
 public:
  void Set(absl::Status status) ABSL_LOCKS_EXCLUDED(mutex_) {
    const absl::MutexLock lock(&mutex_);
    if (status_.ok()) status_ = std::move(status);
    stopped_ = true;
  }
  bool stopped() const { return stopped_; }
  absl::Status Get() ABSL_LOCKS_EXCLUDED(mutex_) {
    const absl::MutexLock lock(&mutex_);
    return status_;
  }

 private:
  std::atomic<bool> stopped_ = false;
  absl::Mutex mutex_;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

class Runner {
 public:
  Runner(const MergePlan& plan, DType dtype, ThreadTeam& team,
         const MergeProgress& progress, CheckpointWriter& writer)
      : plan_(plan),
        dtype_(dtype),
        team_(team),
        progress_(progress),
        writer_(writer),
        buffers_(team.threads()) {
    for (auto& buffer : buffers_) {
      buffer.resize(kItemElements * DTypeBytes(dtype));
    }
  }

  absl::Status Run(MergeSources sources) {
    RETURN_IF_ERROR(FindInputs(sources));
    segments_.resize(plan_.tensors.size());
    size_t first = 0;
    while (first < plan_.tensors.size()) {
      size_t last = first;
      for (int64_t elements = 0;
           last < plan_.tensors.size() && elements < kBatchElements; ++last) {
        elements += plan_.tensors[last].elements;
      }
      RETURN_IF_ERROR(RunBatch(first, last));
      first = last;
    }
    return absl::OkStatus();
  }

 private:
  absl::Status FindInputs(MergeSources sources) {
    for (const MergeTensor& tensor : plan_.tensors) {
      std::vector<TensorView>& views = views_.emplace_back();
      for (const MergeInput& input : tensor.inputs) {
        const TensorSource& source = *sources[input.source];
        ASSIGN_OR_RETURN(views.emplace_back(), source.Tensor(input.tensor));
        if (views.back().shape == tensor.shape) continue;
        return absl::InvalidArgumentError(absl::StrCat(
            source.path(), ": ", input.tensor, " has shape [",
            absl::StrJoin(views.back().shape, ", "), "]; expected [",
            absl::StrJoin(tensor.shape, ", "), "]"));
      }
    }
    return absl::OkStatus();
  }

  // Tensors first … last-1.
  absl::Status RunBatch(size_t first, size_t last) {
    std::vector<Item> all;
    std::vector<Item> spherical;
    for (size_t i = first; i < last; ++i) {
      const MergeTensor& tensor = plan_.tensors[i];
      segments_[i] = tensor.segments;
      for (int64_t begin = 0; begin < tensor.elements; begin += kItemElements) {
        all.push_back(
            {i, begin, std::min(begin + kItemElements, tensor.elements)});
        if (tensor.kind == MergeTensor::Kind::kSlerp) {
          spherical.push_back(all.back());
        }
      }
    }
    FindAngles(spherical);
    if (error_.stopped()) return error_.Get();
    team_.Run(static_cast<int64_t>(all.size()), [&](int64_t i, int thread) {
      if (error_.stopped()) return;
      absl::Status status = MakeItem(all[i], thread);
      if (!status.ok()) error_.Set(std::move(status));
      ShowProgress(thread);
    });
    return error_.Get();
  }

  void FindAngles(std::span<const Item> items) {
    std::vector<Products> products(items.size());
    team_.Run(static_cast<int64_t>(items.size()), [&](int64_t i, int thread) {
      const std::vector<TensorView>& views = views_[items[i].tensor];
      if (error_.stopped()) return;
      products[i] = ProductsOf(views[0], views[1], items[i]);
      DropInputs(items[i]);
      ShowProgress(thread);
    });
    // In the order of the items, however many threads there are.
    for (size_t i = 0; i < items.size();) {
      const size_t tensor = items[i].tensor;
      Products sum;
      for (; i < items.size() && items[i].tensor == tensor; ++i) {
        sum.aa += products[i].aa;
        sum.bb += products[i].bb;
        sum.ab += products[i].ab;
      }
      segments_[tensor] = {
          {0, SlerpCoefficientsOf(sum, plan_.tensors[tensor].t)}};
    }
  }

  absl::Status MakeItem(const Item& item, int thread) {
    const MergeTensor& tensor = plan_.tensors[item.tensor];
    const TensorView& first = views_[item.tensor][0];
    std::span<const uint8_t> made;
    if (tensor.kind == MergeTensor::Kind::kCopy && first.dtype == dtype_) {
      made = BytesOf(first, item);
    } else {
      made = MakeSums(item, buffers_[thread]);
    }
    const int64_t count = item.end - item.begin;
    const int64_t bad = FirstNotFinite(made.data(), dtype_, count);
    if (bad < count) {
      return absl::InvalidArgumentError(
          absl::StrCat("tensor ", tensor.name, ": element ", item.begin + bad,
                       " of the result is NaN or infinite in ",
                       DTypeName(dtype_), "; expected finite numbers"));
    }
    RETURN_IF_ERROR(
        writer_.Write(item.tensor, item.begin * DTypeBytes(dtype_), made));
    DropInputs(item);
    written_ += static_cast<int64_t>(made.size());
    return absl::OkStatus();
  }

  std::span<const uint8_t> MakeSums(const Item& item,
                                    std::vector<uint8_t>& buffer) const {
    const std::vector<MergeSegment>& segments = segments_[item.tensor];
    auto segment =
        std::upper_bound(segments.begin(), segments.end(), item.begin,
                         [](int64_t element, const MergeSegment& s) {
                           return element < s.begin;
                         });
    --segment;
    for (int64_t begin = item.begin; begin < item.end; ++segment) {
      const auto next = segment + 1;
      const int64_t end =
          next == segments.end() ? item.end : std::min(item.end, next->begin);
      std::vector<WeightedInput> inputs;
      for (size_t k = 0; k < segment->coefficients.size(); ++k) {
        const auto coefficient = static_cast<float>(segment->coefficients[k]);
        if (coefficient == 0) continue;
        const TensorView& view = views_[item.tensor][k];
        inputs.push_back({At(view, begin), view.dtype, coefficient});
      }
      Combine(inputs, end - begin, {dtype_}, /*streaming=*/false,
              buffer.data() + (begin - item.begin) * DTypeBytes(dtype_));
      begin = end;
    }
    return std::span(buffer).first((item.end - item.begin) *
                                   DTypeBytes(dtype_));
  }

  void DropInputs(const Item& item) const {
    for (const TensorView& view : views_[item.tensor]) {
      DropMappedPages(BytesOf(view, item));
    }
  }

  // Thread 0 is the caller's.
  void ShowProgress(int thread) {
    if (thread != 0 || progress_(written_)) return;
    error_.Set(absl::CancelledError("interrupted"));
  }

  const MergePlan& plan_;
  const DType dtype_;
  ThreadTeam& team_;
  const MergeProgress& progress_;
  CheckpointWriter& writer_;
  std::vector<std::vector<uint8_t>> buffers_;        // of each thread
  std::vector<std::vector<TensorView>> views_;       // of each tensor's inputs
  std::vector<std::vector<MergeSegment>> segments_;  // of each tensor
  std::atomic<int64_t> written_ = 0;                 // bytes
  FirstError error_;
};

}  // namespace

std::vector<TensorOutline> OutlinesOf(const MergePlan& plan, DType dtype) {
  std::vector<TensorOutline> outlines;
  for (const MergeTensor& tensor : plan.tensors) {
    outlines.push_back({tensor.name, dtype, tensor.shape});
  }
  return outlines;
}

absl::Status RunMerge(const MergePlan& plan, MergeSources sources, DType dtype,
                      ThreadTeam& team, const MergeProgress& progress,
                      CheckpointWriter& writer) {
  return Runner(plan, dtype, team, progress, writer).Run(sources);
}

}  // namespace merganser
