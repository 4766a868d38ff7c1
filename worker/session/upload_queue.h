// Results that wait for their weights to be stored.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "merganser/v1/worker_service.pb.h"
#include "worker/session/job_id.h"
#include "worker/weights/candidate_weights.h"

namespace merganser {

struct Upload {
  v1::JobResult result;  // without `weights`
  // The uploading thread's alone once the upload was taken.
  MadeWeights weights;
  absl::Time ended;  // the job, before the upload
  bool taken = false;
  bool dropped = false;  // nobody wants to hear of it
};

// Uploads in the order in which their jobs ended. One that is dropped goes at
// once, or when it is finished if it has been taken.
// Threads: none; SessionBook owns it.
class UploadQueue {
 public:
  void Add(v1::JobResult result, MadeWeights weights, absl::Time ended);
  // The next one to upload, or null.
  std::shared_ptr<Upload> Take();
  // Ends one that was taken.
  void Remove(const std::shared_ptr<Upload>& upload);

  void Drop(const JobId& id);
  void DropCampaign(const std::string& campaign_uid);

  // Whether the job is here and not dropped.
  bool Holds(const JobId& id) const;
  // Keys of those that are not dropped.
  std::vector<v1::JobKey> HeldKeys() const;
  // All whose memory is held.
  size_t size() const { return uploads_.size(); }

 private:
  void DropIf(const std::function<bool(const v1::JobKey&)>& wanted);

  std::list<std::shared_ptr<Upload>> uploads_;
};

}  // namespace merganser
