// Stands in for `merganser-worker score`: answers jobs with SyntheticScores().
// Reads on only once an answer is written, as the real one does. With the
// environment variable FAKE_SCORE_WORKER_DIES_AT=N it exits with code 9 in
// place of the answer to job N. A job whose weights, or those of its parents,
// are not in the folder of --blobs is answered by an error.
#include <google/protobuf/io/zero_copy_stream_impl.h>
#include <google/protobuf/util/delimited_message_util.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <map>
#include <string>

#include "absl/strings/escaping.h"
#include "client/replay/synthetic_campaign.h"
#include "common/base/digest.h"
#include "common/storage/file.h"
#include "merganser/v1/score_stream.pb.h"

namespace merganser {
namespace {

constexpr int kDeathExitCode = 9;

bool IsMissing(const std::string& blobs, const v1::WeightsRef& ref) {
  const auto bytes =
      ReadFile(blobs + "/" + absl::BytesToHexString(ref.digest()));
  return !bytes.ok() || Sha256(*bytes).ToBytes() != ref.digest();
}

v1::ScoreStreamResponse Answer(
    const v1::CampaignSpec& spec, const std::string& blobs, const v1::Job& job,
    const std::map<int64_t, v1::ChunkLayout>& layouts) {
  v1::ScoreStreamResponse response;
  *response.mutable_key() = job.key();
  const v1::Offspring& offspring = job.offspring();
  if ((job.has_weights() && IsMissing(blobs, job.weights())) ||
      (job.has_offspring() && (IsMissing(blobs, offspring.parent_a()) ||
                               IsMissing(blobs, offspring.parent_b())))) {
    response.set_error("weights are missing");
    return response;
  }
  const auto layout = layouts.find(job.layout_version());
  if (job.layout_version() >= 0 && layout == layouts.end()) {
    response.set_error("the layout was not sent");
    return response;
  }
  const auto scores = SyntheticScores(
      spec, job, job.layout_version() >= 0 ? &layout->second : nullptr);
  response.mutable_chunks()->Assign(scores.begin(), scores.end());
  return response;
}

int Serve(const v1::CampaignSpec& spec, const std::string& blobs,
          int64_t dies_at) {
  namespace util = google::protobuf::util;
  google::protobuf::io::FileInputStream input(STDIN_FILENO);
  google::protobuf::io::FileOutputStream output(STDOUT_FILENO);
  std::map<int64_t, v1::ChunkLayout> layouts;
  v1::ScoreStreamRequest request;
  int64_t jobs = 0;
  while (util::ParseDelimitedFromZeroCopyStream(&request, &input, nullptr)) {
    if (request.has_layout()) {
      layouts[request.layout().version()] = request.layout();
      continue;
    }
    if (jobs++ == dies_at) return kDeathExitCode;
    util::SerializeDelimitedToZeroCopyStream(
        Answer(spec, blobs, request.job(), layouts), &output);
    if (!output.Flush()) return 1;
  }
  return 0;
}

}  // namespace
}  // namespace merganser

int main(int argc, char** argv) {
  merganser::v1::CampaignSpec spec;
  std::string blobs;
  for (int i = 1; i + 1 < argc; ++i) {
    if (std::string(argv[i]) == "--blobs") blobs = argv[i + 1];
    if (std::string(argv[i]) != "--spec") continue;
    const auto bytes = merganser::ReadFile(argv[i + 1]);
    if (!bytes.ok() || !spec.ParseFromString(*bytes)) {
      std::cerr << "cannot read " << argv[i + 1] << std::endl;
      return 2;
    }
  }
  const char* dies_at = getenv("FAKE_SCORE_WORKER_DIES_AT");
  return merganser::Serve(spec, blobs,
                          dies_at == nullptr ? -1 : atoll(dies_at));
}
