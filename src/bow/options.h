// The texts and numbers of relprop/bow.h as settings, checked.
#pragma once

#include "bow/bag.h"
#include "relprop/bow.h"

namespace relprop::bow {

// Throws InvalidArgument.
FeatureSettings featuresOf(const BowSettings& settings);
// A bag with the settings, and without anything that is learnt. Throws InvalidArgument.
Bag bagOf(const BowSettings& settings, std::int64_t words);
// Throws InvalidArgument, also for γ of a kernel that has none. gammaOpen: γ = 0 stands for one that training chooses.
std::vector<KernelTerm> kernelsOf(const std::vector<BowKernel>& kernels, bool gammaOpen);
// Throws InvalidArgument for counts that differ and classes that are none.
void checkPictures(const BowPictures& pictures);

}  // namespace relprop::bow
