# Packages of what another build folder holds, so that trying them does not compile everything a second time: that
# folder's own installation, component by component. RELPROP_PREBUILT is the folder.
add_executable(relprop_program IMPORTED)
set_target_properties(relprop_program PROPERTIES IMPORTED_LOCATION ${RELPROP_PREBUILT}/relprop)
foreach(component program library development python)
  install(CODE "execute_process(COMMAND \"${CMAKE_COMMAND}\" --install \"${RELPROP_PREBUILT}\" --component ${component}
                                        --prefix \"\${CMAKE_INSTALL_PREFIX}\" --strip COMMAND_ERROR_IS_FATAL ANY)"
          COMPONENT ${component})
endforeach()
include(${PROJECT_SOURCE_DIR}/cmake/packages.cmake)
