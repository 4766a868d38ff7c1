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
  for (size_t i = 0; i < outlines.size(); ++i) {
    if (!IsPerTokenTensor(outlines[i].name)) continue;
    ASSIGN_OR_RETURN(const TensorView kept,
                     TrailingRows(donor, outlines[i].name, merged_rows));
    const WeightedInput input{
        .bytes = kept.bytes.data(), .dtype = kept.dtype, .coefficient = 1};
    std::vector<uint8_t> bytes(kept.elements * DTypeBytes(dtype));
    Combine({&input, 1}, kept.elements, {dtype}, /*streaming=*/false,
            bytes.data());
    const int64_t width = outlines[i].shape[1];
    RETURN_IF_ERROR(
        writer.Write(i, merged_rows * width * DTypeBytes(dtype), bytes));
  }
  return absl::OkStatus();
}

}  // namespace merganser
