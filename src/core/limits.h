// How much a file from elsewhere may cause: docs/security.md says the same for users. What is marked (*) is what holds
// unless setBudgets (relprop/budgets.h) says otherwise.
#pragma once

#include <cstddef>
#include <cstdint>

namespace relprop::limits {

// ---- Any file
// (*) Of what is no regular file and need not end, such as /dev/zero; of regular ones that are no array or archive.
constexpr std::int64_t kStreamBytes = std::int64_t{1} << 30;
constexpr std::uint64_t kInflatedPerByte = 1100;  // deflate makes 1032 bytes of one at most

constexpr std::size_t kJsonDepth = 64;  // of lists and objects within one another; what is of use has ten at most

// ---- Networks: memory for the messages of a file, their payload not counted. Real ones stay below 10 bytes a byte.
constexpr std::int64_t kModelPartsBytes = 64 << 20;  // (*)
constexpr std::int64_t kModelPartsPerByte = 16;

// ---- Pictures
// Of one, so that the number of its bytes fits any int32 row arithmetic.
constexpr std::int64_t kImagePixels = std::int64_t{1} << 28;
// What a file of any size may hold, and what more for each of its bytes: photos have 20 pixels a byte at most, drawings
// of one colour in 8 bits some 1000.
constexpr std::int64_t kImagePixelsOfAnyFile = std::int64_t{1} << 24;  // (*)
constexpr std::int64_t kImagePixelsPerByte = 1100;
// Each scan of a JPEG costs a pass over all its pixels, of which its bytes say nothing: a scan without any content has
// some hundred of them. Encoders write 30 scans at most, and those are read at every size; in smaller pictures as many
// more as keep pixels × scans below so many times the pixels that any file may hold.
constexpr std::int64_t kImageScans = 40;
constexpr std::int64_t kImageScansOfAnyFile = 64;
constexpr std::int64_t kImageScansOfAnySize = 500;  // never more, however small the picture

// ---- Archives: one entry, unpacked. Arrays that are worth keeping do not shrink by a factor of 16.
constexpr std::int64_t kArchiveBytes = std::int64_t{1} << 30;  // (*)
constexpr std::int64_t kArchiveBytesPerByte = 16;

// A budget with what it grows by for each byte of a file.
std::int64_t withBytes(std::int64_t budget, std::int64_t perByte, std::uint64_t bytes);

// ---- Stores (SQLite)
constexpr int kStoreValueBytes = 1 << 28;                            // one text or blob: a heatmap, a picture
constexpr std::int64_t kStoreCheckedBytes = std::int64_t{64} << 20;  // read and checked whole when it is opened
// Steps of SQLite's machine that one statement may take: so many, and so many more for each byte of the file. A whole
// and intact file takes less than one a byte.
constexpr std::int64_t kStoreSteps = 100'000'000, kStoreStepsPerByte = 64;

// ---- MATLAB files (HDF5)
constexpr std::uint64_t kMatHeaderBytes = 1 << 16;  // of one object; MATLAB's have some hundreds
constexpr std::size_t kMatHeaderParts = 64;         // into which a header may be cut
constexpr std::size_t kMatIndexNodes = 4096;        // of a group; those that are looked into have four members
constexpr std::uint64_t kMatBytesOfAnObject = 40;   // at least, in the file: no array has more references than fit
constexpr std::uint64_t kMatBytesOfAChunk = 32;     // at least, in its index
constexpr std::uint64_t kMatNameBytes = 1 << 12;

}  // namespace relprop::limits
