// Which methods a command runs: the method strings of the command line with the shortcuts (--abs, --noise, …) appended.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace relprop::cli {

// A key of the method string that has an option of its own, as it was given.
struct Shortcut {
  std::string option, key, value;
};

struct MethodChoice {
  std::string text;
  bool optional = false;  // one of "all": left out, with a note, where it cannot be applied
};

// "a,b:key=1,key2=2,c" → "a", "b:key=1,key2=2", "c": a comma may also stand between the keys of one method.
std::vector<std::string> splitMethods(const std::string& list);

// What "all" has to be applied to.
struct MethodsFor {
  bool bagOfWords = false, havePatterns = false;
};

// Each method once, "all" being every method there is for that. A method that was named gets every shortcut, and the
// library refuses those it does not take; one of "all" gets those it takes, and `notes` says what was left out.
std::vector<MethodChoice> chooseMethods(const std::vector<std::string>& names, const std::vector<Shortcut>& shortcuts,
                                        const MethodsFor& what, std::vector<std::string>& notes);

// Appends what the parameters of a method string name: a file, or those in a folder.
void addFilesOf(const std::string& method, std::vector<std::filesystem::path>& files);

// A method string as part of a file name: every character that is special there or to the shell becomes '-'.
std::string fileNamePart(const std::string& method);

}  // namespace relprop::cli
