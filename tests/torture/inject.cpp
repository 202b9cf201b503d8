// A library that is loaded before a program (LD_PRELOAD) and makes one of its calls to the system fail:
//   RELPROP_INJECT=KIND:K     the K-th call of that kind, counted from 1, from the beginning of main to its end
//   RELPROP_INJECT=KIND:K+    that one and all behind it
//   RELPROP_INJECT_REPORT=FILE   when main returns: the calls of that kind, open descriptors before main and behind it
//   RELPROP_INJECT_STACK=FILE    when an operator new fails: where the program was, as addresses for addr2line
//   RELPROP_INJECT_PLACES=FILE   when main returns: the number of the first call from each place, which is a pair of
//                                calls on the stack, one in the other
// Kinds: new, malloc, write, fsync, rename, open, mmap, thread.
#include <dirent.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <unordered_set>
#include <vector>

namespace {

enum class Kind { None, New, Malloc, Write, Fsync, Rename, Open, Mmap, Thread };
constexpr const char* kNames[] = {"", "new", "malloc", "write", "fsync", "rename", "open", "mmap", "thread"};

std::atomic<Kind> armed{Kind::None};
std::atomic<long> count{0};
long failing = 0;
bool allBehind = false;
thread_local bool inside = false;  // an operator new that calls malloc is one allocation

// oneDNN 2.6 does not look at what it gets for its code and its scratch memory, for which the library makes sure of
// room before it calls (src/system/memory_bound.h); libgomp ends the process, so that the library starts threads
// before it does (src/kernels/threads.cpp); OpenCV waits for good for threads that TBB's allocator could not make. One
// failure in the midst of them is nobody's to mend here. LIBSVM and OpenSSL, of which libzip wants a random name, do
// not look either.
bool isOfOthers(const void* caller) {
  Dl_info info{};
  if (!dladdr(caller, &info) || !info.dli_fname) return false;
  for (const char* name : {"libdnnl.", "libgomp.", "libopencv_core.", "libtbb", "libsvm.", "libcrypto."})
    if (strstr(info.dli_fname, name)) return true;
  return info.dli_sname && strcmp(info.dli_sname, "__cxa_thread_atexit_impl") == 0;  // glibc aborts of its own
}

// libstdc++ allocates a folder's iterator, and OpenCV throws in a destructor of its own, where nothing may be thrown.
bool mayNotThrow() {
  void* frames[16];
  const int count = backtrace(frames, 16);
  for (int i = 0; i < count; ++i) {
    Dl_info info{};
    if (!dladdr(frames[i], &info)) continue;
    if (info.dli_sname && strstr(info.dli_sname, "directory_iterator")) return true;
    if (info.dli_fname && strstr(info.dli_fname, "libopencv_")) return true;
  }
  return false;
}

// libzip's zip_open leaves its file open where stdio gets no memory for it.
bool isWithinLibzip() {
  void* frames[16];
  const int count = backtrace(frames, 16);
  Dl_info info{};
  for (int i = 0; i < count; ++i)
    if (dladdr(frames[i], &info) && info.dli_fname && strstr(info.dli_fname, "libzip.")) return true;
  return false;
}

// Numbers of calls on whose stack a function was called from where none of those before had it called from: what is
// cleaned up on the way out depends on that. What it allocates itself is not counted.
class Places {
 public:
  void see(long number) {
    inside = true;
    void* frames[kDepth];
    const int depth = backtrace(frames, kDepth);
    std::size_t outer = 0;
    bool isNew = false;
    const std::lock_guard<std::mutex> lock(turn_);
    for (int i = depth; i-- > 0;) {
      const auto inner = reinterpret_cast<std::size_t>(frames[i]);
      isNew |= seen_.insert(outer * 0x9e3779b97f4a7c15u ^ inner).second;
      outer = inner;
    }
    if (isNew) numbers_.push_back(number);
    inside = false;
  }
  void tell(const char* path) {
    FILE* file = fopen(path, "w");
    for (const long number : numbers_)
      if (file) fprintf(file, "%ld\n", number);
    if (file) fclose(file);
  }

 private:
  static constexpr int kDepth = 48;
  std::mutex turn_;
  std::unordered_set<std::size_t> seen_;
  std::vector<long> numbers_;
};
Places* places = nullptr;

// Whether this call is the one.
bool fails(Kind kind, const void* caller = nullptr) {
  if (armed.load(std::memory_order_relaxed) != kind || inside) return false;
  if (caller && isOfOthers(caller)) return false;
  const long number = ++count;
  if (places) places->see(number);
  if (number != failing && !(allBehind && number > failing)) return false;
  if (kind == Kind::Malloc) return !isWithinLibzip();
  return kind != Kind::New || !mayNotThrow();
}

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}
// Looked up once; the names are those of the C library.
#define NEXT(name) static auto* const real = next<decltype(name)>(#name)

// Standard output and error are the tests' own, and a file of the kernel's is no output.
bool isOutput(int file) {
  struct stat status {};
  return file > 2 && fstat(file, &status) == 0 && S_ISREG(status.st_mode);
}

int (*realMain)(int, char**, char**) = nullptr;

int openDescriptors() {
  DIR* folder = opendir("/proc/self/fd");
  if (!folder) return -1;
  int descriptors = -3;  // ".", ".." and the one that reads
  while (readdir(folder)) ++descriptors;
  closedir(folder);
  return descriptors;
}

// The innermost calls that are the program's own; written without an allocation, as there may be no more.
void tellStack() {
  const char* path = getenv("RELPROP_INJECT_STACK");
  const int file = path ? creat(path, 0600) : -1;
  if (file < 0) return;
  void* frames[64];
  const int count = backtrace(frames, 64);
  Dl_info program{}, info{};
  dladdr(reinterpret_cast<void*>(realMain), &program);
  for (int i = 0; i < count; ++i)
    if (dladdr(frames[i], &info) && info.dli_fbase == program.dli_fbase)
      dprintf(file, "%#tx\n", static_cast<char*>(frames[i]) - static_cast<char*>(info.dli_fbase) - 1);
  close(file);
}

void arm() {
  void* frame = nullptr;
  backtrace(&frame, 1);  // its first call loads a library
  const char* text = getenv("RELPROP_INJECT");
  if (!text) return;
  const char* colon = strchr(text, ':');
  if (!colon) return;
  if (getenv("RELPROP_INJECT_PLACES")) places = new Places;
  failing = atol(colon + 1);
  allBehind = text[strlen(text) - 1] == '+';
  for (int kind = 1; kind < 9; ++kind)
    if (strncmp(text, kNames[kind], static_cast<std::size_t>(colon - text)) == 0 &&
        strlen(kNames[kind]) == static_cast<std::size_t>(colon - text))
      armed = static_cast<Kind>(kind);
}

int injectedMain(int argc, char** argv, char** environment) {
  const int before = openDescriptors();
  arm();
  const int code = realMain(argc, argv, environment);
  armed = Kind::None;
  if (places) places->tell(getenv("RELPROP_INJECT_PLACES"));
  if (const char* path = getenv("RELPROP_INJECT_REPORT")) {
    if (FILE* report = fopen(path, "w")) {
      const int after = openDescriptors() - 1;
      fprintf(report, "%ld %d %d\n", count.load(), before, after);
      fclose(report);
    }
  }
  return code;
}

void* allocate(std::size_t size, std::size_t alignment) {
  if (fails(Kind::New)) return tellStack(), nullptr;
  const bool within = inside;
  inside = true;
  void* memory = nullptr;
  if (alignment <= alignof(std::max_align_t))
    memory = malloc(size ? size : 1);
  else if (posix_memalign(&memory, alignment, size ? size : 1) != 0)
    memory = nullptr;
  inside = within;
  return memory;
}

void* allocateOrThrow(std::size_t size, std::size_t alignment) {
  if (void* memory = allocate(size, alignment)) return memory;
  throw std::bad_alloc();
}

constexpr std::size_t kPlain = alignof(std::max_align_t);

}  // namespace

// ---- memory of C++
void* operator new(std::size_t size) {
  return allocateOrThrow(size, kPlain);
}
void* operator new[](std::size_t size) {
  return allocateOrThrow(size, kPlain);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocateOrThrow(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return allocateOrThrow(size, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return allocate(size, kPlain);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return allocate(size, kPlain);
}
void operator delete(void* memory) noexcept {
  free(memory);
}
void operator delete[](void* memory) noexcept {
  free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  free(memory);
}
void operator delete[](void* memory, std::align_val_t) noexcept {
  free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  free(memory);
}
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
  free(memory);
}

extern "C" {

// ---- memory of C: glibc's own names, as dlsym itself allocates
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);

void* malloc(std::size_t size) {
  if (!fails(Kind::Malloc, __builtin_return_address(0))) return __libc_malloc(size);
  errno = ENOMEM;
  return nullptr;
}
void* calloc(std::size_t many, std::size_t size) {
  if (!fails(Kind::Malloc, __builtin_return_address(0))) return __libc_calloc(many, size);
  errno = ENOMEM;
  return nullptr;
}
void* realloc(void* memory, std::size_t size) {
  if (!fails(Kind::Malloc, __builtin_return_address(0))) return __libc_realloc(memory, size);
  errno = ENOMEM;
  return nullptr;
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
  if (fails(Kind::Malloc, __builtin_return_address(0))) return ENOMEM;
  *memory = __libc_memalign(alignment, size);
  return *memory ? 0 : ENOMEM;
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  if (!fails(Kind::Malloc, __builtin_return_address(0))) return __libc_memalign(alignment, size);
  errno = ENOMEM;
  return nullptr;
}

// ---- files
ssize_t write(int file, const void* bytes, std::size_t size) {
  NEXT(write);
  if (armed != Kind::Write || !isOutput(file) || !fails(Kind::Write)) return real(file, bytes, size);
  errno = ENOSPC;
  return -1;
}
ssize_t pwrite64(int file, const void* bytes, std::size_t size, off64_t at) {
  NEXT(pwrite64);
  if (armed != Kind::Write || !isOutput(file) || !fails(Kind::Write)) return real(file, bytes, size, at);
  errno = ENOSPC;
  return -1;
}
ssize_t pwrite(int file, const void* bytes, std::size_t size, off_t at) {
  return pwrite64(file, bytes, size, at);
}
std::size_t fwrite(const void* bytes, std::size_t size, std::size_t many, FILE* file) {
  NEXT(fwrite);
  if (armed != Kind::Write || !isOutput(fileno(file)) || !fails(Kind::Write)) return real(bytes, size, many, file);
  errno = ENOSPC;
  return 0;
}
int fsync(int file) {
  NEXT(fsync);
  if (!fails(Kind::Fsync)) return real(file);
  errno = EIO;
  return -1;
}
int fdatasync(int file) {
  NEXT(fdatasync);
  if (!fails(Kind::Fsync)) return real(file);
  errno = EIO;
  return -1;
}
int rename(const char* from, const char* to) noexcept {
  NEXT(rename);
  if (!fails(Kind::Rename)) return real(from, to);
  errno = EIO;
  return -1;
}

#define OPENED(name, ...)                                        \
  NEXT(name);                                                    \
  mode_t mode = 0;                                               \
  if (flags & (O_CREAT | __O_TMPFILE)) {                         \
    va_list arguments;                                           \
    va_start(arguments, flags);                                  \
    mode = va_arg(arguments, mode_t);                            \
    va_end(arguments);                                           \
  }                                                              \
  if (!fails(Kind::Open)) return real(__VA_ARGS__, flags, mode); \
  errno = EMFILE;                                                \
  return -1

int open(const char* path, int flags, ...) {
  OPENED(open, path);
}
int open64(const char* path, int flags, ...) {
  OPENED(open64, path);
}
int openat(int folder, const char* path, int flags, ...) {
  OPENED(openat, folder, path);
}
int openat64(int folder, const char* path, int flags, ...) {
  OPENED(openat64, folder, path);
}
FILE* fopen(const char* path, const char* mode) {
  NEXT(fopen);
  if (!fails(Kind::Open)) return real(path, mode);
  errno = EMFILE;
  return nullptr;
}
FILE* fopen64(const char* path, const char* mode) {
  NEXT(fopen64);
  if (!fails(Kind::Open)) return real(path, mode);
  errno = EMFILE;
  return nullptr;
}
DIR* opendir(const char* path) {
  NEXT(opendir);
  if (!fails(Kind::Open)) return real(path);
  errno = EMFILE;
  return nullptr;
}

// ---- maps and threads
void* mmap(void* at, std::size_t size, int protection, int flags, int file, off_t offset) noexcept {
  NEXT(mmap);
  if (!fails(Kind::Mmap, __builtin_return_address(0))) return real(at, size, protection, flags, file, offset);
  errno = ENOMEM;
  return MAP_FAILED;
}
void* mmap64(void* at, std::size_t size, int protection, int flags, int file, off64_t offset) noexcept {
  NEXT(mmap64);
  if (!fails(Kind::Mmap, __builtin_return_address(0))) return real(at, size, protection, flags, file, offset);
  errno = ENOMEM;
  return MAP_FAILED;
}
int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*start)(void*),
                   void* argument) noexcept {
  NEXT(pthread_create);
  return fails(Kind::Thread, __builtin_return_address(0)) ? EAGAIN : real(thread, attributes, start, argument);
}

// ---- where counting begins
int __libc_start_main(int (*program)(int, char**, char**), int argc, char** argv, void (*init)(), void (*fini)(),
                      void (*loaderFini)(), void* stackEnd) {
  using Start = int(int (*)(int, char**, char**), int, char**, void (*)(), void (*)(), void (*)(), void*);
  realMain = program;
  return next<Start>("__libc_start_main")(injectedMain, argc, argv, init, fini, loaderFini, stackEnd);
}

}  // extern "C"
