# Installs BUILD under WORK, then configures, builds and runs the project HERE/consumer against nothing but that, and lets
# USERS (see HERE/users) make heatmaps with it.
function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  message("${output}")
  if(result)
    message(FATAL_ERROR "failed (${result}): ${ARGV}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
set(prefix ${WORK}/prefix)
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix})
run(${CMAKE_COMMAND} -S ${HERE}/consumer -B ${WORK}/build -G ${GENERATOR} -D CMAKE_PREFIX_PATH=${prefix}
    -D CMAKE_CXX_COMPILER=${COMPILER} "-D CMAKE_CXX_FLAGS=${FLAGS}" -D RELPROP_VERSION=${VERSION})
run(${CMAKE_COMMAND} --build ${WORK}/build)
run(${WORK}/build/consumer)
run(${WORK}/build/static_consumer)

set(ENV{PATH} ${prefix}/bin:$ENV{PATH})
set(ENV{PKG_CONFIG_PATH} ${prefix}/${LIBRARIES}/pkgconfig)
set(ENV{LD_LIBRARY_PATH} ${prefix}/${LIBRARIES})
set(ENV{PYTHON} ${INTERPRETER})
set(ENV{PYTHONPATH} ${prefix}/${PYTHON})
separate_arguments(flags UNIX_COMMAND "${FLAGS}")
run(${HERE}/users ${WORK}/users "${USERS}" ${flags})
