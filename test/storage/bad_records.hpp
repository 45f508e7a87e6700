#pragma once

#include <mooring/core/error.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace mooring::test {

/** A stored text that is no record of the id "a", and what reading it has to say. */
struct bad_record {
  bad_record(std::string n, std::string t, errc e) : name(std::move(n)), text(std::move(t)), expected(e) {}
  std::string name;
  std::string text;
  errc expected;
};

/** A record of the id "a" with every member that the library knows, and one that it does not. */
std::string good_record();

/** @brief What is wrong with a record in one way each: rows by hand, and rows derived from the good record member by member and byte by byte. */
std::vector<bad_record> bad_records();

}  // namespace mooring::test
