#include "failure.h"

#include <new>
#include <system_error>

#include "relprop/error.h"
#include "relprop/text.h"

namespace relprop::cli {

std::string failureMessage(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    return error.what();
  } catch (const std::bad_alloc&) {
    return "out of memory; try a smaller --batch";
  } catch (const std::filesystem::filesystem_error& error) {
    return error.path1().string() + ": " + error.code().message();
  } catch (const std::system_error& error) {
    if (error.code() != std::errc::resource_unavailable_try_again)
      return std::string("unexpected failure: ") + error.what();
    return "no thread could be started; raise the limits of processes and memory (ulimit -u, ulimit -v)";
  } catch (const std::exception& error) {
    return std::string("unexpected failure: ") + error.what();
  } catch (...) {
    return "unexpected failure";
  }
}

std::string failureOf(const std::filesystem::path& input, const std::string& message) {
  const std::string path = input.string();
  return message.find(visibleText(path)) == std::string::npos ? path + ": " + message : message;
}

}  // namespace relprop::cli
