// The digits campaign of examples/, for tests.
#pragma once

#include <string>

#include "merganser/v1/campaign.pb.h"

namespace merganser {

inline std::string DigitsFolder() {
  return std::string(MERGANSER_SOURCE_DIR) + "/examples/digits";
}

// One task "digits": rows 0 … 1436 for search, in one chunk, 1437 … 1796 for
// holdout. Paths are relative to DigitsFolder(); digests are not filled in.
inline v1::CampaignSpec DigitsSpec() {
  v1::CampaignSpec spec;
  spec.set_name("digits");
  spec.mutable_model()->set_family("mlp");
  for (const char* name : {"seed_digits_0_to_4", "seed_digits_5_to_9"}) {
    v1::SeedSpec* seed = spec.add_seeds();
    seed->set_name(name);
    seed->set_path(std::string(name) + ".safetensors");
  }
  v1::TaskSpec* task = spec.add_tasks();
  task->set_name("digits");
  task->set_kind("classification");
  task->set_chunk_size(1437);
  task->mutable_search()->set_file("digits.csv");
  task->mutable_search()->set_end_row(1437);
  task->mutable_search()->set_rows(1437);
  task->mutable_holdout()->set_file("digits.csv");
  task->mutable_holdout()->set_first_row(1437);
  task->mutable_holdout()->set_rows(360);
  return spec;
}

}  // namespace merganser
