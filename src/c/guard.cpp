#include "c/guard.h"

#include <pthread.h>

#include <cctype>
#include <memory>
#include <new>
#include <nlohmann/json.hpp>
#include <string_view>

#include "c/handles.h"

namespace relprop::c {
namespace {

struct Texts {
  std::string where, got, expected, hint, message;
};

// Of each thread: its last error.
thread_local constinit std::int32_t lastCode = 0;
thread_local constinit Texts* lastTexts = nullptr;

void forget(void* texts) {
  lastTexts = nullptr;
  delete static_cast<Texts*>(texts);
}

// Owns the texts of each thread. A key, as destructors of C++ run before those of others' keys, which may call too, and
// as glibc ends the process where it has no memory to register one.
pthread_key_t ownerOfTexts() {
  static const pthread_key_t key = [] {
    pthread_key_t made{};
    if (pthread_key_create(&made, forget) != 0) throw std::bad_alloc();
    return made;
  }();
  return key;
}

Texts& texts() {
  if (lastTexts) return *lastTexts;
  auto made = std::make_unique<Texts>();
  if (pthread_setspecific(ownerOfTexts(), made.get()) != 0) throw std::bad_alloc();
  lastTexts = made.release();
  return *lastTexts;
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
  texts() = {renamed.where(), renamed.got(), renamed.expected(), renamed.hint(), renamed.what()};
}

// Without memory for its text an error is its number.
template <class MakeError>
std::int32_t remember(ErrorCode code, const MakeError& makeError) noexcept {
  lastCode = static_cast<std::int32_t>(code);
  try {
    keep(makeError());
  } catch (...) {
    if (lastTexts) *lastTexts = {};
  }
  return lastCode;
}

}  // namespace

std::int32_t rememberCurrent() noexcept {
  try {
    throw;
  } catch (const Error& error) {
    return remember(error.code(), [&]() -> const Error& { return error; });
  } catch (const std::bad_alloc&) {
    return remember(ErrorCode::OutOfMemory, [] {
      return Error(ErrorCode::OutOfMemory, "call", "an allocation failed", "enough memory",
                   "use a smaller --batch or input size");
    });
  } catch (const std::exception& error) {
    return remember(ErrorCode::Internal, [&] { return Error(ErrorCode::Internal, "call", error.what()); });
  } catch (...) {
    return remember(ErrorCode::Internal,
                    [] { return Error(ErrorCode::Internal, "call", "an exception of no known kind"); });
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

void copyLastError(relprop_error& out) noexcept {
  const auto text = [](std::string Texts::*part) { return lastTexts ? (lastTexts->*part).c_str() : ""; };
  out = {out.size,
         lastCode,
         errorCodeName(static_cast<ErrorCode>(lastCode)),
         text(&Texts::where),
         text(&Texts::got),
         text(&Texts::expected),
         text(&Texts::hint),
         text(&Texts::message)};
}

}  // namespace relprop::c
