// Runs of the program in which a call to the system fails, and what has to hold of them.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "e2e/program.h"

namespace torture {

// A command as data: `arguments` with what it reads; it writes below the folder that is put in place of "OUT".
struct Scenario {
  std::string name;
  e2e::Arguments arguments;
};

// How many moments of each kind are tried: RELPROP_TORTURE, all of them where it is "all" or "every", else few.
std::size_t moments(std::size_t few);
// "every": also allocations from places where others came from before.
bool everyAllocation();
std::vector<long> upTo(long count);
// So many of the numbers, the first and the last among them, the same ones every time.
std::vector<long> sampled(std::vector<long> numbers, std::size_t most);

// What lies below a folder: files by name with their bytes, stores with their rows in place of bytes. Resumable parts
// (NAME.part, NAME.parts) are left out, and stores that have no tables yet.
using Outputs = std::map<std::string, std::string>;
Outputs outputsOf(const std::string& folder);
// Names of temporary files that should be gone.
std::vector<std::string> leftovers(const std::string& folder);

// Stores may hold less than the whole, files may not.
void expectNothingHalf(const Outputs& got, const Outputs& whole);

// Small inputs for all of it, in a folder that lives as long as the object.
class Inputs {
 public:
  Inputs();
  const std::vector<Scenario>& scenarios() const { return scenarios_; }
  const Scenario& called(const std::string& name) const;

 private:
  void makePictures() const;
  void makeMachine() const;
  void makeStores() const;

  e2e::TemporaryFolder folder_;
  std::vector<Scenario> scenarios_;
};
const Inputs& inputs();

e2e::Arguments into(const Scenario& scenario, const std::string& folder);

}  // namespace torture
