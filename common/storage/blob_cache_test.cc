#include "common/storage/blob_cache.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace merganser {
namespace {

Digest Name(int i) { return Sha256(std::to_string(i)); }

TEST(BlobCacheTest, HandsOutWhatWasPut) {
  BlobCache cache(100);
  EXPECT_EQ(cache.Get(Name(1)), nullptr);
  const auto put = cache.Put(Name(1), "abc");
  EXPECT_EQ(*put, "abc");
  EXPECT_EQ(cache.Get(Name(1)), put);
  EXPECT_EQ(cache.Put(Name(1), "abc"), put) << "the first one stays";
  EXPECT_EQ(cache.total_bytes(), 3);
}

TEST(BlobCacheTest, DropsTheLeastRecentlyUsedBeyondItsBound) {
  BlobCache cache(30);
  for (int i = 0; i < 3; ++i) cache.Put(Name(i), std::string(10, 'x'));
  EXPECT_EQ(cache.total_bytes(), 30) << "the bound itself is not beyond it";
  cache.Get(Name(0));
  cache.Put(Name(3), "y");
  EXPECT_NE(cache.Get(Name(0)), nullptr);
  EXPECT_EQ(cache.Get(Name(1)), nullptr);
  EXPECT_NE(cache.Get(Name(2)), nullptr);
  EXPECT_NE(cache.Get(Name(3)), nullptr);
  EXPECT_EQ(cache.total_bytes(), 21);
}

TEST(BlobCacheTest, NeverDropsWhatSomebodyHolds) {
  BlobCache cache(10);
  auto held = cache.Put(Name(0), std::string(10, 'a'));
  auto also_held = cache.Put(Name(1), std::string(10, 'b'));
  EXPECT_EQ(cache.total_bytes(), 20);
  EXPECT_NE(cache.Get(Name(0)), nullptr);
  held.reset();
  also_held.reset();
  const auto last = cache.Put(Name(2), std::string(10, 'c'));
  EXPECT_EQ(cache.total_bytes(), 10);
  EXPECT_EQ(cache.Get(Name(0)), nullptr);
  EXPECT_EQ(cache.Get(Name(1)), nullptr);
}

TEST(BlobCacheTest, ABlobLargerThanTheBoundIsHandedOutButNotKept) {
  BlobCache cache(10);
  EXPECT_EQ(cache.Put(Name(0), std::string(11, 'a'))->size(), 11u);
  cache.Put(Name(1), "b");
  EXPECT_EQ(cache.Get(Name(0)), nullptr);
  EXPECT_NE(cache.Get(Name(1)), nullptr);
}

TEST(BlobCacheTest, HoldersKeepWhatIsErased) {
  BlobCache cache(10);
  const auto held = cache.Put(Name(0), "a");
  cache.Erase(Name(0));
  cache.Erase(Name(0));
  EXPECT_EQ(cache.Get(Name(0)), nullptr);
  EXPECT_EQ(cache.total_bytes(), 0);
  EXPECT_EQ(*held, "a");
}

TEST(BlobCacheTest, TakesABlobThatSomebodyHoldsAsItIs) {
  BlobCache cache(1);
  const auto blob = std::make_shared<const Blob>("held");
  EXPECT_EQ(cache.Put(Name(0), blob), blob);
  EXPECT_EQ(cache.Get(Name(0)), blob);
  EXPECT_EQ(cache.total_bytes(), 4);
}

TEST(BlobCacheTest, ServesThreadsAtOnce) {
  BlobCache cache(50);
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&cache, thread] {
      for (int i = 0; i < 2000; ++i) {
        const int k = (i * (thread + 3)) % 20;
        auto blob = cache.Get(Name(k));
        if (blob == nullptr)
          blob = cache.Put(Name(k), std::string(10, 'a' + k));
        EXPECT_EQ(*blob, std::string(10, 'a' + k));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  cache.Put(Name(100), "");
  EXPECT_LE(cache.total_bytes(), 50);
}

}  // namespace
}  // namespace merganser
