// README.md of a merged model, as Hugging Face's hub reads it.
#pragma once

#include <string>
#include <vector>

#include "client/results/winner.h"
#include "common/campaign_spec/campaign_seeds.h"
#include "merganser/v1/campaign_service.pb.h"

namespace merganser {

// The licences of what a model is made of, and what follows for the model.
struct LicenceVerdict {
  // Of the front matter: an identifier that all share, in lower case, else
  // "other".
  std::string identifier;
  std::string text;  // for people
};

// `licences` are those of the seeds, empty where unknown; `names` theirs. A
// file or words in the place of an identifier are terms that somebody must
// read.
LicenceVerdict VerdictOf(const std::vector<std::string>& names,
                         const std::vector<std::string>& licences);

// What the card says of the mergekit_config.yml beside it.
struct MergekitNotes {
  std::vector<std::string> split_tensors;    // of several segments
  std::vector<std::string> unknown_tensors;  // that mergekit leaves out
};

// Front matter (base models, tags, licence), scores of the winner and the
// seeds by task, the share of every seed per layer, licences, and how to make
// the model again. The campaign is one of language models and has a best
// member.
// Errors: InvalidArgument when the recipe does not fit the spec.
absl::StatusOr<std::string> ModelCard(const Winner& winner,
                                      const v1::Campaign& campaign,
                                      const LanguageSeeds& seeds,
                                      const MergekitNotes& mergekit);

}  // namespace merganser
