#include "storage/redis_scripts.hpp"

#include <openssl/evp.h>

#include <array>
#include <stdexcept>

namespace mooring::detail {
namespace {

// Moments are the server's own, in milliseconds. Members of a record that concern time: `created`, from which the absolute lifetime counts; `until`, where a fixed
// record ends. A key may outlive its record when somebody slid it without looking; what has passed its end is deleted by whoever looks first.
constexpr std::string_view prelude = R"lua(
local key, id, most = KEYS[1], ARGV[1], tonumber(ARGV[#ARGV])
local function clock()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
local function whole(n) return string.format('%.0f', n) end
local function is_moment_or_absent(n) return n == nil or (type(n) == 'number' and n > 0 and n < 1e18) end
-- The record under the key, or nothing and a word that says why.
local function open(expected_id, is_still)
  local raw = redis.call('GET', key)
  if not raw then return nil, 'absent' end
  if #raw > most then return nil, 'corrupt' end
  local ok, r = pcall(cjson.decode, raw)
  if not ok or type(r) ~= 'table' or type(r.v) ~= 'number' or r.v < 1 or r.v > 2^63 or r.v ~= math.floor(r.v) then return nil, 'corrupt' end
  if r.v >= 2 then return nil, 'version' end
  if r.id ~= expected_id or type(r.rev) ~= 'string' or not is_moment_or_absent(r['until']) or not is_moment_or_absent(r.created) then return nil, 'corrupt' end
  if r['until'] and clock() >= r['until'] then
    if not is_still then redis.call('DEL', key) end
    return nil, 'absent'
  end
  return r, raw
end
-- How long a record may live from now on when it is touched; nil when its life is over.
local function span(r, ttl, lifetime)
  ttl, lifetime = tonumber(ttl), tonumber(lifetime)
  if r['until'] then ttl = r['until'] - clock()
  elseif lifetime > 0 and r.created then ttl = math.min(ttl, r.created + lifetime - clock()) end
  if ttl < 1 then
    redis.call('DEL', key)
    return nil
  end
  return ttl
end
-- Puts a record in its place, unless it holds what no JSON can say, such as a number beyond all bounds.
local function put(r, ttl, ...)
  local ok, raw = pcall(cjson.encode, r)
  if not ok then return {'corrupt'} end
  if #raw > most then return {'large'} end
  redis.call('SET', key, raw, 'PX', whole(ttl), ...)
  return {'ok'}
end
)lua";

constexpr std::string_view create_body = R"lua(
local r, why = open(id)
if r or why ~= 'absent' then return {'exists'} end
r = cjson.decode(ARGV[6])
local now, ttl, lifetime = clock(), tonumber(ARGV[2]), tonumber(ARGV[3])
if ARGV[4] ~= '' then ttl = math.min(ttl, tonumber(ARGV[4])) end
if lifetime > 0 then
  r.created = now
  ttl = math.min(ttl, lifetime)
end
if ARGV[5] == 'fixed' then r['until'] = now + ttl end
return put(r, ttl, 'NX')
)lua";

constexpr std::string_view store_body = R"lua(
local r = cjson.decode(ARGV[4])
r.created = clock()
return put(r, math.min(tonumber(ARGV[2]), tonumber(ARGV[3])))
)lua";

constexpr std::string_view update_body = R"lua(
local r, why = open(id)
if not r then return {why} end
if ARGV[4] ~= '' and r.rev ~= ARGV[4] then return {'conflict'} end
if not r[ARGV[6]] or (r.metadata and r.data) then return {'corrupt'} end
r.rev = ARGV[5]
r[ARGV[6]] = ARGV[6] == 'metadata' and cjson.decode(ARGV[7]) or ARGV[7]
r['until'] = nil
local ttl = span(r, ARGV[2], ARGV[3])
if not ttl then return {'absent'} end
return put(r, ttl, 'XX')
)lua";

constexpr std::string_view update_hints_body = R"lua(
local r, why = open(id)
if not r then return {why} end
r.hints = cjson.decode(ARGV[4])
local ttl = span(r, ARGV[2], ARGV[3])
if not ttl then return {'absent'} end
return put(r, ttl, 'XX')
)lua";

constexpr std::string_view touch_body = R"lua(
local r, why = open(id)
if not r then return {why} end
local ttl = span(r, ARGV[2], ARGV[3])
if not ttl then return {'absent'} end
redis.call('PEXPIRE', key, whole(ttl))
return {'ok'}
)lua";

constexpr std::string_view read_body = R"lua(
local is_still = ARGV[4] ~= 'slide'
local r, raw = open(id, is_still)
if not r then return {raw} end
if not is_still then
  local ttl = span(r, ARGV[2], ARGV[3])
  if not ttl then return {'absent'} end
  redis.call('PEXPIRE', key, whole(ttl))
end
return {'ok', raw}
)lua";

constexpr std::string_view erase_body = R"lua(
local r, why = open(id)
if not r then return {why} end
if r.rev ~= ARGV[2] then return {'conflict'} end
redis.call('DEL', key)
return {'ok'}
)lua";

std::string sha1(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), bytes.data(), &size, EVP_sha1(), nullptr) != 1) throw std::runtime_error("OpenSSL has no SHA-1, which Redis names scripts by");
  std::string digits;
  for (unsigned i = 0; i < size; ++i) {
    digits += "0123456789abcdef"[bytes[i] >> 4];
    digits += "0123456789abcdef"[bytes[i] & 15];
  }
  return digits;
}

}  // namespace

redis_script::redis_script(std::string_view body) : text_(std::string(prelude) + std::string(body)), digest_(sha1(text_)) {}

redis_scripts const& redis_scripts::all() {
  static redis_scripts const scripts{redis_script(create_body),       redis_script(store_body), redis_script(update_body), redis_script(update_hints_body),
                                     redis_script(touch_body), redis_script(read_body),  redis_script(erase_body)};
  return scripts;
}

}  // namespace mooring::detail
