// Where the reference data lies: $RELPROP_SHARED, by default ../shared beside the checkout. Tests that need it are
// skipped with a message where it is absent, unless RELPROP_REQUIRE_SHARED is set (CI): then its absence is an error.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

namespace relprop::test {

std::filesystem::path sharedFolder();
bool sharedRequired();
// The real networks, unpacked once: in $RELPROP_CACHE, by default a folder of the build.
std::filesystem::path modelsFolder();

}  // namespace relprop::test

// Of tests about numbers that take minutes under the sanitizers, whose code smaller tests run there.
#ifdef __SANITIZE_ADDRESS__
#define RELPROP_SKIP_SANITIZED(why) GTEST_SKIP() << "left to the program without sanitizers: " << (why)
#else
#define RELPROP_SKIP_SANITIZED(why) static_cast<void>(0)
#endif

#define RELPROP_NEEDS_SHARED()                                                                      \
  do {                                                                                              \
    if (!std::filesystem::exists(relprop::test::sharedFolder() / "fixtures")) {                     \
      if (relprop::test::sharedRequired()) FAIL() << relprop::test::sharedFolder() << " is absent"; \
      GTEST_SKIP() << relprop::test::sharedFolder() << " is absent: set RELPROP_SHARED";            \
    }                                                                                               \
  } while (false)
