#pragma once

#include <mooring/core/error.hpp>
#include <mooring/session/transport_session.hpp>

#include <string>
#include <string_view>

namespace mooring {

/** @brief The stored form of a session, for every storage: one JSON object.
 *
 *  `{"id":...,"type":...,"created_at":...,"updated_at":...,"data":...,"metadata":{...}}`; `data` only where the session has any, `metadata` only where it has
 *  entries, and then what a later version wrote. `data` stands in it as it was written. Moments are `YYYY-MM-DDThh:mm:ss.nnnnnnnnnZ`. Equal records give equal texts.
 *
 *  @par Thread safety  The session may be changed meanwhile: one of its states is written.
 *  @par Source  RFC 8259; moments: RFC 3339.
 */
std::string serialize(transport_session const& session);

/** @brief Reads what `serialize` writes, and any JSON object with those members.
 *
 *  @param why  Where given, is set to a sentence that says what is wrong; never repeats any of the text.
 *  @return A session of the class that its type has, of the plain class for a type without one. An `sse_session` is disconnected, with an empty queue.
 *  @par Errors  `errc::corrupt_record`: no such object, or a key twice, or a member missing or of another kind.
 */
result<transport_session_ptr> deserialize(std::string_view text, std::string* why = nullptr);

}  // namespace mooring
