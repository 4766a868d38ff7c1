// Any text as a campaign file; what is taken can be written as one, and is
// then read as the same campaign.
#include <cstdlib>
#include <string>

#include "common/campaign_spec/campaign_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto spec = merganser::ParseCampaign(text, "fuzz.yaml");
  if (!spec.ok()) return 0;
  const std::string yaml = merganser::SpecToYaml(*spec);
  const auto back = merganser::ParseCampaign(yaml, "back.yaml");
  if (!back.ok() || merganser::SpecToYaml(*back) != yaml) abort();
  return 0;
}
