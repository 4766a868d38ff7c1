// Files for the tests of storage/ and genome/.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace merganser {

// A path of this test's own in the temporary folder; the file is removed at the
// end of the scope.
class TestFile {
 public:
  explicit TestFile(const std::string& suffix) {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    std::string name = std::string(test->test_suite_name()) + "." +
                       test->name() + "." + std::to_string(getpid()) + suffix;
    for (char& c : name) c = c == '/' ? '_' : c;
    path_ = testing::TempDir() + name;
  }
  TestFile(const std::string& suffix, const std::string& bytes)
      : TestFile(suffix) {
    std::ofstream(path_, std::ios::binary) << bytes;
  }
  ~TestFile() { unlink(path_.c_str()); }
  TestFile(const TestFile&) = delete;
  TestFile& operator=(const TestFile&) = delete;

  const std::string& path() const { return path_; }
  std::string Read() const {
    std::ifstream stream(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

 private:
  std::string path_;
};

// A folder of this test's own, as TestFile; with all that is in it, it is
// removed at the end of the scope.
class TestFolder {
 public:
  explicit TestFolder(const std::string& suffix = "")
      : place_(suffix + ".folder") {
    std::filesystem::remove_all(path());
    std::filesystem::create_directories(path());
  }
  ~TestFolder() { std::filesystem::remove_all(path()); }

  const std::string& path() const { return place_.path(); }
  std::string File(const std::string& name) const {
    return path() + "/" + name;
  }
  void Write(const std::string& name, const std::string& bytes) const {
    std::ofstream(File(name), std::ios::binary) << bytes;
  }
  std::string Read(const std::string& name) const {
    std::ifstream stream(File(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  // The files of another folder.
  void CopyFrom(const std::string& folder) const {
    std::filesystem::copy(folder, path());
  }

 private:
  const TestFile place_;
};

}  // namespace merganser
