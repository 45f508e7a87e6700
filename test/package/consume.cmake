# usage: cmake -D WAY=find_package|add_subdirectory -D SOURCE=... -D BUILD=... -D WORK=... -D COMPILER=... -D LAUNCHER=... -D GENERATOR=... -D BUILD_TYPE=...
#        -D FLAGS=... -D BOOST=... -P consume.cmake
# Builds consumer/ in WORK against the library, runs it, and fails if any step does.
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE failed OUTPUT_VARIABLE out ERROR_VARIABLE out)
  if(failed)
    message(FATAL_ERROR "${ARGN}\n${out}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
# The flags of the library's own build, so that ccache knows what add_subdirectory compiles.
set(options -G ${GENERATOR} -DCMAKE_BUILD_TYPE=${BUILD_TYPE} -DCMAKE_CXX_FLAGS_RELWITHDEBINFO=${FLAGS} -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER} -DMOORING_BOOST_INCLUDE_DIR=${BOOST})
if(WAY STREQUAL "find_package")
  run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix)
  list(APPEND options -DCMAKE_PREFIX_PATH=${WORK}/prefix)
else()
  list(APPEND options -DMOORING_SOURCE_DIR=${SOURCE})
  # A new warning of a user's compiler must not break a build. Only looked at, and then compiled as the library's own build does, which ccache knows.
  run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/consumer -B ${WORK}/flags ${options} -DCMAKE_EXPORT_COMPILE_COMMANDS=ON)
  file(READ ${WORK}/flags/compile_commands.json commands)
  if(NOT commands MATCHES "mooring" OR commands MATCHES "-Werror")
    message(FATAL_ERROR "The library is compiled with -Werror within another project")
  endif()
  list(APPEND options -DMOORING_STRICT=ON)
endif()
run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/consumer -B ${WORK}/build ${options})
run(${CMAKE_COMMAND} --build ${WORK}/build --target consumer)
run(${WORK}/build/consumer)
