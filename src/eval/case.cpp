#include "eval/metric.h"

namespace relprop::eval {

// FNV-1a over picture and use, mixed with the run's seed (splitmix64's finaliser).
std::uint64_t Case::seedOf(const std::string& use) const {
  std::uint64_t h = 14695981039346656037ull;
  for (const std::string* text : {&picture, &use}) {
    for (const char c : *text) h = (h ^ static_cast<unsigned char>(c)) * 1099511628211ull;
    h = (h ^ 0xff) * 1099511628211ull;
  }
  h += (runSeed + 1) * 0x9e3779b97f4a7c15ull;
  h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9ull;
  h = (h ^ (h >> 27)) * 0x94d049bb133111ebull;
  return h ^ (h >> 31);
}

}  // namespace relprop::eval
