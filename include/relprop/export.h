// What a shared relprop shows: what these headers declare, and nothing of its inside.
#pragma once

// RELPROP_API: of the public interface. RELPROP_LOCAL: within a class that is, but not for its users.
#if defined(__GNUC__)
#define RELPROP_API __attribute__((visibility("default")))
#define RELPROP_LOCAL __attribute__((visibility("hidden")))
#else
#define RELPROP_API
#define RELPROP_LOCAL
#endif
