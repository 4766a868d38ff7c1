#include "client/merge/kept_rows.h"

#include "common/base/status_macros.h"
#include "common/checkpoint/leading_rows.h"
#include "common/genome/vector_kernels.h"

namespace merganser {

void AddKeptRows(const Checkpoint& donor,
                 std::vector<TensorOutline>& outlines) {
  for (TensorOutline& outline : outlines) {
    if (!IsPerTokenTensor(outline.name)) continue;
    outline.shape[0] = donor.config().vocabulary_size;
  }
}

absl::Status WriteKeptRows(const Checkpoint& donor, int64_t merged_rows,
                           DType dtype,
                           const std::vector<TensorOutline>& outlines,
                           CheckpointWriter& writer) {
  const int64_t kept_rows = donor.config().vocabulary_size - merged_rows;
  if (kept_rows == 0) return absl::OkStatus();
  for (size_t i = 0; i < outlines.size(); ++i) {
    if (!IsPerTokenTensor(outlines[i].name)) continue;
    ASSIGN_OR_RETURN(const TensorView tensor, donor.Tensor(outlines[i].name));
    const int64_t width = tensor.elements / tensor.shape[0];
    const int64_t first = merged_rows * width;
    const int64_t elements = kept_rows * width;
    const WeightedInput input{
        .bytes = tensor.bytes.data() + first * DTypeBytes(tensor.dtype),
        .dtype = tensor.dtype,
        .coefficient = 1};
    std::vector<uint8_t> bytes(elements * DTypeBytes(dtype));
    Combine({&input, 1}, elements, dtype, /*streaming=*/false, bytes.data());
    RETURN_IF_ERROR(writer.Write(i, first * DTypeBytes(dtype), bytes));
  }
  return absl::OkStatus();
}

}  // namespace merganser
