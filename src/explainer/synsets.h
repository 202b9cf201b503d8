// WordNet's identifiers of ImageNet's classes.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace relprop {

// "n01440764"
bool isSynset(const std::string& name);

// The thousand of ILSVRC 2012, with their class numbers: ranks, as they are sorted.
const std::map<std::string, int>& ilsvrcNumbers();

// The same where class names are ILSVRC's own (readLabels("imagenet")), empty elsewhere: other names say nothing about
// which synset a class is.
const std::map<std::string, int>& synsetsOf(const std::vector<std::string>& labels);

}  // namespace relprop
