// The contract of CampaignStore, against every store: owners and campaigns.
#include "coordinator/store/campaign_store_contract.h"

namespace merganser {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

template <typename Backend>
class CampaignStoreOwners : public CampaignStoreContract<Backend> {};

TYPED_TEST_SUITE(CampaignStoreOwners, Backends);

// --- The owner.

TYPED_TEST(CampaignStoreOwners, NobodyOwnsANewStore) {
  EXPECT_EQ(this->store().Ping(), absl::OkStatus());
  EXPECT_EQ(*this->store().ReadOwner(), OwnerRecord{});
  EXPECT_THAT(*this->store().ListCampaigns(), IsEmpty());
}

TYPED_TEST(CampaignStoreOwners, OwnershipIsTakenFromTheExpectedOwnerOnly) {
  CampaignStore& store = this->store();
  EXPECT_EQ(store.TakeOwnership({}, kEpoch, "a:1"), absl::OkStatus());
  const OwnerRecord first{kEpoch, 1, "a:1"};
  EXPECT_EQ(*store.ReadOwner(), first);
  struct Row {
    const char* name;
    OwnerRecord expected;
  };
  for (const Row& row : {Row{"nobody", {}}, Row{"nobody, counted", {0, 1, ""}},
                         Row{"another epoch", {kOtherEpoch, 1, "a:1"}},
                         Row{"an older counter", {kEpoch, 0, "a:1"}}}) {
    EXPECT_EQ(store.TakeOwnership(row.expected, kOtherEpoch, "b:1").code(),
              absl::StatusCode::kFailedPrecondition)
        << row.name;
    EXPECT_EQ(*store.ReadOwner(), first) << row.name;
  }
  EXPECT_EQ(store.TakeOwnership(first, kOtherEpoch, "b:1"), absl::OkStatus());
  EXPECT_EQ(*store.ReadOwner(), (OwnerRecord{kOtherEpoch, 2, "b:1"}));
}

TYPED_TEST(CampaignStoreOwners, OnlyTheOwnerMovesTheCounter) {
  CampaignStore& store = this->store();
  EXPECT_EQ(store.MoveOwnerCounter(kEpoch).code(),
            absl::StatusCode::kFailedPrecondition);
  this->Own();
  EXPECT_EQ(store.MoveOwnerCounter(kEpoch), absl::OkStatus());
  EXPECT_EQ(store.MoveOwnerCounter(kEpoch), absl::OkStatus());
  EXPECT_EQ(store.MoveOwnerCounter(kOtherEpoch).code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(*store.ReadOwner(), (OwnerRecord{kEpoch, 3, "here:1"}));
}

// --- Create, claim, delete.

TYPED_TEST(CampaignStoreOwners, ACreatedCampaignIsAtRevisionOne) {
  Batch batch = Slots({{0, "zero"}});
  batch.appends.push_back({ListCollection::kLog, "created"});
  this->OwnCampaign(batch);
  const StoredCampaign campaign = *this->store().Load("c");
  EXPECT_EQ(campaign.revision, 1);
  EXPECT_EQ(campaign.epoch, kEpoch);
  EXPECT_EQ(campaign.log_length, 1);
  EXPECT_EQ(campaign.curve_length, 0);
  EXPECT_EQ(campaign.maps, (StoredMaps{{Collection::kSlots, {{0, "zero"}}}}));
  EXPECT_EQ(*this->store().ReadRevision("c"), 1);
}

TYPED_TEST(CampaignStoreOwners, CampaignsAreListedInOrder) {
  this->Own();
  for (const char* name : {"b", "a-2", "Z", "a.1"}) {
    EXPECT_EQ(this->store().Create(name, kEpoch, {}), absl::OkStatus());
  }
  EXPECT_THAT(*this->store().ListCampaigns(),
              ElementsAre("Z", "a-2", "a.1", "b"));
}

TYPED_TEST(CampaignStoreOwners, CreatingTwiceLeavesTheFirst) {
  this->OwnCampaign(Slots({{0, "first"}}));
  const absl::Status again =
      this->store().Create("c", kEpoch, Slots({{0, "second"}, {1, "new"}}));
  EXPECT_EQ(again.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(again.message()), HasSubstr("campaign c"));
  EXPECT_EQ(this->Maps(), (StoredMaps{{Collection::kSlots, {{0, "first"}}}}));
}

TYPED_TEST(CampaignStoreOwners, OnlyTheOwnerCreates) {
  CampaignStore& store = this->store();
  EXPECT_EQ(store.Create("c", kEpoch, {}).code(),
            absl::StatusCode::kFailedPrecondition);
  this->Own();
  EXPECT_EQ(store.Create("c", kOtherEpoch, Slots({{0, "x"}})).code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(*store.ListCampaigns(), IsEmpty());
  EXPECT_EQ(store.Load("c").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(store.Dump("c").status().code(), absl::StatusCode::kNotFound);
}

TYPED_TEST(CampaignStoreOwners, AClaimShutsThePreviousOwnerOut) {
  CampaignStore& store = this->store();
  this->OwnCampaign();
  EXPECT_EQ(store.Commit("c", kEpoch, 1, {}), absl::OkStatus());
  EXPECT_EQ(store.Claim("c", kOtherEpoch).status().code(),
            absl::StatusCode::kFailedPrecondition)
      << "does not own the store";
  this->Own(kOtherEpoch);
  EXPECT_EQ(store.Commit("c", kEpoch, 2, {}), absl::OkStatus())
      << "not claimed yet";
  EXPECT_EQ(*store.Claim("c", kOtherEpoch), 3);
  EXPECT_EQ(store.Load("c")->epoch, kOtherEpoch);
  EXPECT_EQ(store.Commit("c", kEpoch, 3, Slots({{0, "late"}})).code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(store.Delete("c", kEpoch).code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(store.Claim("c", kEpoch).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(store.Create("d", kEpoch, {}).code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(this->Maps(), StoredMaps{});
  EXPECT_EQ(store.Commit("c", kOtherEpoch, 3, {}), absl::OkStatus());
}

TYPED_TEST(CampaignStoreOwners, DeleteRemovesEverything) {
  CampaignStore& store = this->store();
  Batch batch = Slots({{0, "x"}});
  for (Collection collection : kCollections) {
    batch.writes.push_back({collection, 7, "y"});
  }
  batch.appends = {{ListCollection::kLog, "l"}, {ListCollection::kCurve, "k"}};
  this->OwnCampaign(batch);
  EXPECT_EQ(store.Create("d", kEpoch, batch), absl::OkStatus());
  EXPECT_EQ(store.Delete("c", kEpoch), absl::OkStatus());
  EXPECT_THAT(*store.ListCampaigns(), ElementsAre("d"));
  EXPECT_EQ(store.Delete("c", kEpoch).code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(store.Load("d")->maps.size(), std::size(kCollections));
  // A new one of that name finds nothing of the old.
  EXPECT_EQ(store.Create("c", kEpoch, {}), absl::OkStatus());
  const StoredCampaign campaign = *store.Load("c");
  EXPECT_EQ(campaign.maps, StoredMaps{});
  EXPECT_EQ(campaign.log_length, 0);
  EXPECT_EQ(campaign.curve_length, 0);
}

TYPED_TEST(CampaignStoreOwners, UnknownCampaignsAreNotFound) {
  CampaignStore& store = this->store();
  this->Own();
  const auto kNotFound = absl::StatusCode::kNotFound;
  EXPECT_EQ(store.Claim("c", kEpoch).status().code(), kNotFound);
  EXPECT_EQ(store.Commit("c", kEpoch, 1, {}).code(), kNotFound);
  EXPECT_EQ(store.Delete("c", kEpoch).code(), kNotFound);
  EXPECT_EQ(store.ReadRevision("c").status().code(), kNotFound);
  EXPECT_EQ(store.Load("c").status().code(), kNotFound);
  EXPECT_EQ(store.ReadList("c", ListCollection::kLog, 0, 1).status().code(),
            kNotFound);
  EXPECT_EQ(store.ReadList("c", ListCollection::kLog, 0, 0).status().code(),
            kNotFound);
  EXPECT_EQ(store.Dump("c").status().code(), kNotFound);
}

}  // namespace
}  // namespace merganser
