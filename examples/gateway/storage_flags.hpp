#pragma once

#include <mooring/session/binding.hpp>
#include <mooring/storage/redis_options.hpp>

#include <CLI/CLI.hpp>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace mooring::gateway {

/** @brief What `--storage` says: nothing for `memory`, else the server of a URL, whose password comes from the environment.
 *  @throw CLI::ValidationError  It is neither, or holds a password: every user of the machine could read it among the arguments.
 */
std::optional<redis_storage_options> parse_storage(std::string const& text);

/** @brief What the library says about an option, with the flag that sets it in the place of the option's name. */
std::string in_flags(std::string sentence);

/** @brief The keys of a file with lines `ID:KEY`, which may end as they do on Windows.  @throw CLI::ValidationError  It cannot be read, or a line is another. */
std::vector<binding_key> load_binding_keys(std::string const& name);

/** @brief The flags that only a shared storage has. They are kept until the storage is known, for the order of flags means nothing. */
class redis_flags {
 public:
  explicit redis_flags(CLI::App& app);

  /** @brief Puts what was given into `into`.  @return What is wrong, or nothing. */
  std::string apply(std::optional<redis_storage_options>& into) const;

 private:
  CLI::Option* add_text(std::string const& flag, std::string const& about, std::function<void(std::string const&)> take);

  CLI::App& group_;
  redis_storage_options chosen_;
  redis_tls_options tls_;
  redis_sentinel_options sentinel_;  // what is not in the URL
  redis_durability durability_;
  std::size_t replicas_ = 0;
};

}  // namespace mooring::gateway
