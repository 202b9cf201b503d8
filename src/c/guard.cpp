#include "c/guard.h"

#include <cctype>
#include <new>
#include <nlohmann/json.hpp>
#include <string_view>

#include "c/handles.h"

namespace relprop::c {
namespace {

// Of each thread: its last error.
struct Record {
  std::int32_t code = 0;
  std::string where, got, expected, hint, message;
};

Record& record() {
  thread_local Record own;
  return own;
}

bool startsOption(const std::string& text, std::size_t at) {
  const bool before = at == 0 || text[at - 1] == ' ' || text[at - 1] == '(';
  return before && text.compare(at, 2, "--") == 0 && at + 2 < text.size() &&
         std::islower(static_cast<unsigned char>(text[at + 2])) != 0;
}

// The library calls options as the command line does; here "--identity-skip" is the key identity_skip, and --budget a
// function.
std::string asKeys(std::string text) {
  constexpr std::string_view budget = "--budget ";
  if (const std::size_t at = text.find(budget); at != text.npos) text.replace(at, budget.size(), "set_budgets: ");
  std::string result;
  bool key = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (startsOption(text, i)) {
      key = true;
      ++i;
      continue;
    }
    key = key && (text[i] == '-' || std::islower(static_cast<unsigned char>(text[i])) != 0);
    result += key && text[i] == '-' ? '_' : text[i];
  }
  return result;
}

// Names of files may hold any bytes; what leaves the interface is UTF-8.
std::string readable(const std::string& text) {
  const std::string quoted = nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return nlohmann::json::parse(quoted).get<std::string>();
}

void keep(const Error& error) {
  const Error renamed(error.code(), readable(asKeys(error.where())), readable(asKeys(error.got())),
                      readable(asKeys(error.expected())), readable(asKeys(error.hint())));
  record() = {static_cast<std::int32_t>(error.code()),
              renamed.where(),
              renamed.got(),
              renamed.expected(),
              renamed.hint(),
              renamed.what()};
}

// Without memory for its text an error is its number.
std::int32_t remember(const Error& error) noexcept {
  try {
    keep(error);
  } catch (...) {
    record() = {};
    record().code = static_cast<std::int32_t>(error.code());
  }
  return record().code;
}

}  // namespace

std::int32_t rememberCurrent() {
  try {
    throw;
  } catch (const Error& error) {
    return remember(error);
  } catch (const std::bad_alloc&) {
    return remember(Error(ErrorCode::OutOfMemory, "call", "an allocation failed", "enough memory",
                          "use a smaller --batch or input size"));
  } catch (const std::exception& error) {
    return remember(Error(ErrorCode::Internal, "call", error.what()));
  } catch (...) {
    return remember(Error(ErrorCode::Internal, "call", "an exception of no known kind"));
  }
}

void requirePointer(const void* pointer, const char* name) {
  if (pointer == nullptr) throw Error(ErrorCode::InvalidArgument, name, "NULL", "a pointer");
}

void requireSize(std::size_t got, std::size_t expected, const char* name) {
  if (got < expected)
    throw Error(ErrorCode::InvalidArgument, name, "a structure of size " + std::to_string(got),
                "size set to sizeof of the structure, " + std::to_string(expected));
}

char* handedOut(const std::string& text) {
  return Handles::all().addText(text.data(), text.size());
}

void copyLastError(relprop_error& out) {
  const Record& own = record();
  const auto code = static_cast<ErrorCode>(own.code);
  out = {out.size,          own.code,           errorCodeName(code),
         own.where.c_str(), own.got.c_str(),    own.expected.c_str(),
         own.hint.c_str(),  own.message.c_str()};
}

}  // namespace relprop::c
