// The contract of CampaignStore, against every store: what is kept, and how.
#include <limits>
#include <map>
#include <thread>

#include "absl/strings/str_cat.h"
#include "coordinator/store/campaign_store_contract.h"

namespace merganser {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

template <typename Backend>
class CampaignStoreCommits : public CampaignStoreContract<Backend> {};

TYPED_TEST_SUITE(CampaignStoreCommits, Backends);

// --- Commit.

TYPED_TEST(CampaignStoreCommits, ACommitSetsOverwritesAndErases) {
  this->OwnCampaign(Slots({{0, "keep"}, {1, "old"}, {2, "erase"}}));
  Batch batch = Slots({{1, "new"}, {3, "added"}});
  batch.writes.push_back({Collection::kSlots, 2, std::nullopt});
  batch.writes.push_back({Collection::kSlots, 99, std::nullopt});
  batch.writes.push_back({Collection::kGram, 0, "other collection"});
  EXPECT_EQ(this->store().Commit("c", kEpoch, 1, batch), absl::OkStatus());
  EXPECT_EQ(*this->store().ReadRevision("c"), 2);
  EXPECT_EQ(
      this->Maps(),
      (StoredMaps{{Collection::kSlots, {{0, "keep"}, {1, "new"}, {3, "added"}}},
                  {Collection::kGram, {{0, "other collection"}}}}));
}

TYPED_TEST(CampaignStoreCommits, OfTwoWritesToAKeyTheLaterStands) {
  this->OwnCampaign();
  Batch batch;
  batch.writes = {{Collection::kSlots, 1, "first"},
                  {Collection::kSlots, 1, std::nullopt},
                  {Collection::kSlots, 2, std::nullopt},
                  {Collection::kSlots, 2, "second"},
                  {Collection::kSlots, 3, "first"},
                  {Collection::kSlots, 3, "second"}};
  EXPECT_EQ(this->store().Commit("c", kEpoch, 1, batch), absl::OkStatus());
  EXPECT_EQ(this->Maps(),
            (StoredMaps{{Collection::kSlots, {{2, "second"}, {3, "second"}}}}));
}

TYPED_TEST(CampaignStoreCommits, AnEmptiedCollectionIsAbsent) {
  this->OwnCampaign(Slots({{0, "x"}}));
  Batch batch;
  batch.writes = {{Collection::kSlots, 0, std::nullopt}};
  EXPECT_EQ(this->store().Commit("c", kEpoch, 1, batch), absl::OkStatus());
  EXPECT_EQ(this->Maps(), StoredMaps{});
}

TYPED_TEST(CampaignStoreCommits, AnotherRevisionIsAbortedAndWritesNothing) {
  this->OwnCampaign(Slots({{0, "x"}}));
  Batch batch = Slots({{0, "y"}});
  batch.appends = {{ListCollection::kLog, "entry"}};
  for (int64_t revision : {0, 2, -1}) {
    const absl::Status status =
        this->store().Commit("c", kEpoch, revision, batch);
    EXPECT_EQ(status.code(), absl::StatusCode::kAborted) << revision;
    EXPECT_THAT(std::string(status.message()), HasSubstr("at revision 1"));
  }
  const StoredCampaign campaign = *this->store().Load("c");
  EXPECT_EQ(campaign.revision, 1);
  EXPECT_EQ(campaign.log_length, 0);
  EXPECT_EQ(campaign.maps, (StoredMaps{{Collection::kSlots, {{0, "x"}}}}));
}

TYPED_TEST(CampaignStoreCommits, AnotherEpochWritesNothing) {
  this->OwnCampaign();
  EXPECT_EQ(this->store().Commit("c", kOtherEpoch, 1, Slots({{0, "y"}})).code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(*this->store().ReadRevision("c"), 1);
  EXPECT_EQ(this->Maps(), StoredMaps{});
}

TYPED_TEST(CampaignStoreCommits, KeepsAnyBytesUnderAnyKey) {
  std::string all_bytes;
  for (int i = 0; i < 256; ++i) all_bytes.push_back(static_cast<char>(i));
  const std::map<int64_t, std::string> values = {
      {std::numeric_limits<int64_t>::min(), all_bytes},
      {-1, ""},
      {0, std::string(1, '\0')},
      {std::numeric_limits<int64_t>::max(), "\r\n$5\r\n%s"}};
  Batch batch;
  for (const auto& [key, value] : values) {
    batch.writes.push_back({Collection::kCandidates, key, value});
    batch.appends.push_back({ListCollection::kCurve, value});
  }
  this->OwnCampaign(batch);
  EXPECT_EQ(this->Maps(), (StoredMaps{{Collection::kCandidates, values}}));
  EXPECT_THAT(*this->store().ReadList("c", ListCollection::kCurve, 0, 10),
              ElementsAre(all_bytes, "", std::string(1, '\0'), "\r\n$5\r\n%s"));
}

TYPED_TEST(CampaignStoreCommits, KeepsBatchesOfManyWrites) {
  this->OwnCampaign();
  Batch batch;
  std::map<int64_t, std::string> expected;
  for (int64_t key = 0; key < 5000; ++key) {
    expected[key] = absl::StrCat("value ", key);
    batch.writes.push_back({Collection::kResults, key, expected[key]});
    batch.appends.push_back({ListCollection::kLog, expected[key]});
  }
  EXPECT_EQ(this->store().Commit("c", kEpoch, 1, batch), absl::OkStatus());
  const StoredCampaign campaign = *this->store().Load("c");
  EXPECT_EQ(campaign.maps.at(Collection::kResults), expected);
  EXPECT_EQ(campaign.log_length, 5000);
  EXPECT_THAT(*this->store().ReadList("c", ListCollection::kLog, 4998, 5),
              ElementsAre("value 4998", "value 4999"));
}

TYPED_TEST(CampaignStoreCommits, KeepsValuesOfTensOfMegabytes) {
  this->OwnCampaign();
  std::string gram(size_t{40} << 20, '\0');
  for (size_t i = 0; i < gram.size(); ++i) {
    gram[i] = static_cast<char>(i * 2654435761u >> 24);
  }
  Batch batch;
  batch.writes = {{Collection::kGram, 0, gram}};
  EXPECT_EQ(this->store().Commit("c", kEpoch, 1, batch), absl::OkStatus());
  EXPECT_TRUE(this->Maps().at(Collection::kGram).at(0) == gram);
}

// --- Lists, dump, names.

TYPED_TEST(CampaignStoreCommits, ListsKeepTheOrderOfAppends) {
  this->OwnCampaign();
  Batch batch;
  batch.appends = {{ListCollection::kLog, "a"},
                   {ListCollection::kCurve, "x"},
                   {ListCollection::kLog, "b"}};
  EXPECT_EQ(this->store().Commit("c", kEpoch, 1, batch), absl::OkStatus());
  batch.appends = {{ListCollection::kLog, "c"}};
  EXPECT_EQ(this->store().Commit("c", kEpoch, 2, batch), absl::OkStatus());
  const auto read = [&](int64_t first, int64_t count) {
    return *this->store().ReadList("c", ListCollection::kLog, first, count);
  };
  const int64_t most = std::numeric_limits<int64_t>::max();
  EXPECT_THAT(read(0, 3), ElementsAre("a", "b", "c"));
  EXPECT_THAT(read(1, 1), ElementsAre("b"));
  EXPECT_THAT(read(2, 10), ElementsAre("c"));
  EXPECT_THAT(read(1, most), ElementsAre("b", "c"));
  EXPECT_THAT(read(3, 1), IsEmpty());
  EXPECT_THAT(read(most, most), IsEmpty());
  EXPECT_THAT(read(0, 0), IsEmpty());
  EXPECT_THAT(*this->store().ReadList("c", ListCollection::kCurve, 0, 9),
              ElementsAre("x"));
  for (const auto& [first, count] : {std::pair{-1, 1}, std::pair{0, -1}}) {
    EXPECT_EQ(this->store()
                  .ReadList("c", ListCollection::kLog, first, count)
                  .status()
                  .code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TYPED_TEST(CampaignStoreCommits, DumpNamesEveryKey) {
  Batch batch = Slots({{0, "x"}, {1, "y"}});
  batch.appends = {{ListCollection::kLog, "l"}};
  this->OwnCampaign(batch);
  EXPECT_THAT(*this->store().Dump("c"),
              ElementsAre(Pair("merganser:{c}:log", "list of 1 entries"),
                          Pair("merganser:{c}:meta", "hash of 2 fields"),
                          Pair("merganser:{c}:slots", "hash of 2 fields")));
}

TYPED_TEST(CampaignStoreCommits, RefusesNamesThatCouldReachOtherKeys) {
  CampaignStore& store = this->store();
  this->Own();
  for (const std::string& name :
       {std::string(), std::string("a b"), std::string("a}b"),
        std::string("{a"), std::string("a:b"), std::string("a/b"),
        std::string("a*"), std::string("a\0b", 3), std::string("\xc3\xa9"),
        std::string(129, 'a')}) {
    const auto kInvalid = absl::StatusCode::kInvalidArgument;
    EXPECT_EQ(store.Create(name, kEpoch, {}).code(), kInvalid) << name;
    EXPECT_EQ(store.Commit(name, kEpoch, 1, {}).code(), kInvalid) << name;
    EXPECT_EQ(store.Load(name).status().code(), kInvalid) << name;
  }
  EXPECT_EQ(store.Create(std::string(128, 'a'), kEpoch, {}), absl::OkStatus());
  EXPECT_EQ(store.Create("Az09._-", kEpoch, {}), absl::OkStatus());
}

TYPED_TEST(CampaignStoreCommits, EpochZeroIsNobody) {
  CampaignStore& store = this->store();
  this->OwnCampaign();
  const auto kInvalid = absl::StatusCode::kInvalidArgument;
  EXPECT_EQ(store.TakeOwnership(*store.ReadOwner(), 0, "a").code(), kInvalid);
  EXPECT_EQ(store.MoveOwnerCounter(0).code(), kInvalid);
  EXPECT_EQ(store.Create("d", 0, {}).code(), kInvalid);
  EXPECT_EQ(store.Commit("c", 0, 1, {}).code(), kInvalid);
  EXPECT_EQ(store.Claim("c", 0).status().code(), kInvalid);
  EXPECT_EQ(store.Delete("c", 0).code(), kInvalid);
}

TYPED_TEST(CampaignStoreCommits, RefusesBatchesBeyondTheBounds) {
  this->OwnCampaign();
  Batch many;
  many.appends.resize(kMaxBatchItems + 1, {ListCollection::kLog, ""});
  EXPECT_EQ(this->store().Commit("c", kEpoch, 1, many).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(this->store().Create("d", kEpoch, many).code(),
            absl::StatusCode::kInvalidArgument);
  many.appends.resize(kMaxBatchItems);
  EXPECT_EQ(this->store().Commit("c", kEpoch, 1, many), absl::OkStatus());
  EXPECT_EQ(this->store().Load("c")->log_length,
            static_cast<int64_t>(kMaxBatchItems));
}

TEST(CheckBatch, BoundsTheBytes) {
  Batch batch;
  batch.appends = {
      {ListCollection::kLog, std::string(kMaxBatchBytes - 1, 'x')}};
  batch.writes = {{Collection::kSlots, 0, "x"},
                  {Collection::kSlots, 1, std::nullopt}};
  EXPECT_EQ(CheckBatch(batch), absl::OkStatus());
  batch.writes[0].value = "xy";
  EXPECT_EQ(CheckBatch(batch).code(), absl::StatusCode::kInvalidArgument);
}

// --- Threads.

TYPED_TEST(CampaignStoreCommits, RacingCommitsNeverLoseOne) {
  constexpr int kThreads = 4;
  constexpr int kCommits = 25;
  this->OwnCampaign();
  CampaignStore& store = this->store();
  const auto commit_all = [&store](int thread) {
    for (int i = 0; i < kCommits;) {
      Batch batch;
      batch.appends = {{ListCollection::kLog, absl::StrCat(thread, ":", i)}};
      const absl::Status status =
          store.Commit("c", kEpoch, *store.ReadRevision("c"), batch);
      if (status.ok()) ++i;
      if (!status.ok() && !absl::IsAborted(status)) {
        ADD_FAILURE() << status;
        return;
      }
    }
  };
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) threads.emplace_back(commit_all, t);
  for (std::thread& thread : threads) thread.join();
  const StoredCampaign campaign = *store.Load("c");
  EXPECT_EQ(campaign.revision, 1 + kThreads * kCommits);
  EXPECT_EQ(campaign.log_length, kThreads * kCommits);
}

}  // namespace
}  // namespace merganser
