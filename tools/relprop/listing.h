// The commands that list what there is, or describe one item of the list: methods and metrics.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "commands.h"
#include "console.h"
#include "report.h"

namespace relprop::cli {

using Parameters = std::vector<std::pair<std::string, std::string>>;  // key, and what it means

// Nothing when there are none.
void printParameters(Console& console, const std::string& title, const Parameters& parameters);
Json parametersJson(const Parameters& parameters);

// Info has a name, a summary and a citation.
template <class Info>
struct Listing {
  const char *command, *description, *nameHelp, *examples;
  std::vector<Info> (*chosen)(const std::string& name);  // all for ""; throws for an unknown one
  void (*printOne)(Console& console, const Info& info);
  Json (*json)(const Info& info);
  void (*printRest)(Console& console);  // what follows the list
};

template <class Info>
void printList(Console& console, const std::vector<Info>& list) {
  std::size_t width = 0;
  for (const Info& info : list) width = std::max(width, info.name.size());
  for (const Info& info : list)
    console.data(fmt::format("{:<{}}  {} [{}]", info.name, width, info.summary, info.citation));
}

template <class Info>
int runListing(const Listing<Info>& listing, const std::string& name, bool asJson) {
  Console console(false);
  const std::vector<Info> list = listing.chosen(name);
  if (asJson) {
    Json json = Json::array();
    for (const Info& info : list) json.push_back(listing.json(info));
    console.lines(dump(json, 2));
  } else if (!name.empty()) {
    listing.printOne(console, list.front());
  } else {
    printList(console, list);
    listing.printRest(console);
  }
  flushStandardOutput();
  return kExitOk;
}

template <class Info>
Command addListing(CLI::App& root, const Listing<Info>& listing) {
  struct Arguments {
    std::string name;
    bool json = false;
  };
  CLI::App* app = root.add_subcommand(listing.command, listing.description);
  auto arguments = std::make_shared<Arguments>();
  app->add_option("name", arguments->name, listing.nameHelp)->type_name("NAME");
  app->add_flag("--json", arguments->json, "as JSON");
  app->footer(listing.examples);
  return {app, [listing, arguments] { return runListing(listing, arguments->name, arguments->json); }};
}

}  // namespace relprop::cli
