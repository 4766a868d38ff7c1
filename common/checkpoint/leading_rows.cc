#include "common/checkpoint/leading_rows.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/status_macros.h"

namespace merganser {
namespace {

constexpr char kEmbeddingTensor[] = "model.embed_tokens.weight";
constexpr char kHeadTensor[] = "lm_head.weight";

// The leading rows of a checkpoint's embedding and head.
class CheckpointRows : public TensorSource {
 public:
  CheckpointRows(std::shared_ptr<const Checkpoint> checkpoint, int64_t rows)
      : checkpoint_(std::move(checkpoint)), rows_(rows) {}

  const std::string& path() const override { return checkpoint_->path(); }
  std::vector<std::string> names() const override {
    return checkpoint_->names();
  }
  absl::StatusOr<TensorView> Tensor(const std::string& name) const override {
    ASSIGN_OR_RETURN(TensorView tensor, checkpoint_->Tensor(name));
    if (!IsPerTokenTensor(name) || tensor.shape[0] <= rows_) return tensor;
    tensor.elements = tensor.elements / tensor.shape[0] * rows_;
    tensor.shape[0] = rows_;
    tensor.bytes =
        tensor.bytes.first(tensor.elements * DTypeBytes(tensor.dtype));
    return tensor;
  }

 private:
  const std::shared_ptr<const Checkpoint> checkpoint_;
  const int64_t rows_;
};

}  // namespace

bool IsPerTokenTensor(const std::string& name) {
  return name == kEmbeddingTensor || name == kHeadTensor;
}

std::shared_ptr<const TensorSource> LeadingRows(
    std::shared_ptr<const Checkpoint> checkpoint, int64_t rows) {
  return std::make_shared<CheckpointRows>(std::move(checkpoint), rows);
}

absl::StatusOr<TensorView> TrailingRows(const Checkpoint& checkpoint,
                                        const std::string& name, int64_t rows) {
  ASSIGN_OR_RETURN(TensorView tensor, checkpoint.Tensor(name));
  const int64_t left = std::max<int64_t>(0, tensor.shape[0] - rows);
  tensor.elements = tensor.elements / tensor.shape[0] * left;
  tensor.shape[0] = left;
  tensor.bytes = tensor.bytes.last(tensor.elements * DTypeBytes(tensor.dtype));
  return tensor;
}

}  // namespace merganser
