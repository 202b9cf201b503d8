// What tables a results file has, and whether a file is one.
#pragma once

#include <string>
#include <vector>

#include "eval/sqlite.h"

namespace relprop::eval {

constexpr int kStoreApplication = 0x72656c70;  // "relp", SQLite's application_id
constexpr int kStoreVersion = 1;               // SQLite's user_version

// Throws StoreUnusable unless the file is a store of this version or, where `mayBeEmpty`, has nothing in it.
// False: it has nothing in it.
bool isStore(const Database& database, bool mayBeEmpty);
// Throws StoreUnusable unless every table, index and view of ours is written as this program writes it and nothing else
// would be run in passing: a trigger, an index of somebody else's.
void checkSchema(const Database& database);
// Reads every page of a file that is not too large for that, and throws StoreUnusable where one is broken, an index
// does not agree with its table or a row refers to one that is missing. False: it is too large.
bool checkPages(const Database& database);
// Throws StoreUnusable where a row of these tables refers to one that is missing: queries that join the two would pass
// over it without a word.
void checkReferences(const Database& database, const std::vector<std::string>& tables);
// In one transaction; another process may do the same at the same time.
void createStore(const Database& database);

}  // namespace relprop::eval
