# What `cmake --install` leaves, and how others find it.
#
#     bin/perdure  bin/perdure-sim               component server, simulator
#     lib/libengine_base.a …                     component development: rooms,
#     include/perdure/sdk/sdk.h …                  their headers, from the root of the tree,
#     lib/cmake/Perdure/PerdureConfig.cmake        and the package
#
# A room is a target of the package, Perdure::sdk, Perdure::sim, with what it links; two
# have a name more, for those who do not know the house:
#
#     Perdure::handlers     handlers, and serving them         sdk/serve
#     Perdure::simulator    scenarios, and perdure-sim         sim
#
# The package file is written from the targets themselves, as they are: a library that a
# room gains is there without a line here.

# Text of the package that defines `target` and what it links, once each.
function(package_target target)
  get_property(known GLOBAL PROPERTY PERDURE_PACKAGED)
  if(target IN_LIST known)
    return()
  endif()
  set_property(GLOBAL APPEND PROPERTY PERDURE_PACKAGED ${target})
  get_target_property(type ${target} TYPE)
  get_target_property(linked ${target} INTERFACE_LINK_LIBRARIES)
  set(links "")
  foreach(library ${linked})
    if(NOT library)  # none: "linked-NOTFOUND"
      continue()
    endif()
    set(ours FALSE)
    if(TARGET ${library})
      get_target_property(imported ${library} IMPORTED)
      if(NOT imported)
        set(ours TRUE)
      endif()
    endif()
    if(ours)
      package_target(${library})
      string(APPEND links " Perdure::${library}")
    else()
      string(APPEND links " ${library}")
    endif()
  endforeach()
  if(type STREQUAL "STATIC_LIBRARY")
    install(TARGETS ${target} ARCHIVE DESTINATION lib/perdure COMPONENT development)
    set(text "add_library(Perdure::${target} STATIC IMPORTED)
set_target_properties(Perdure::${target} PROPERTIES
  IMPORTED_LOCATION \"\${PERDURE_PREFIX}/lib/perdure/lib${target}.a\")
")
  else()
    set(text "add_library(Perdure::${target} INTERFACE IMPORTED)\n")
  endif()
  string(APPEND text "target_link_libraries(Perdure::${target} INTERFACE Perdure::headers${links})\n")
  set_property(GLOBAL APPEND_STRING PROPERTY PERDURE_PACKAGE_TEXT "${text}")
endfunction()

function(package)
  cmake_parse_arguments(PACKAGE "" "" "ROOMS" ${ARGN})
  foreach(room ${PACKAGE_ROOMS})
    string(REPLACE "/" "_" room ${room})
    package_target(${room})
  endforeach()
  get_property(text GLOBAL PROPERTY PERDURE_PACKAGE_TEXT)
  set(PERDURE_TARGETS "${text}")
  configure_file(${CMAKE_SOURCE_DIR}/cmake/PerdureConfig.cmake.in
                 ${CMAKE_BINARY_DIR}/PerdureConfig.cmake @ONLY)
  include(CMakePackageConfigHelpers)
  write_basic_package_version_file(${CMAKE_BINARY_DIR}/PerdureConfigVersion.cmake
                                   COMPATIBILITY SameMinorVersion)
  install(FILES ${CMAKE_BINARY_DIR}/PerdureConfig.cmake ${CMAKE_BINARY_DIR}/PerdureConfigVersion.cmake
          DESTINATION lib/cmake/Perdure COMPONENT development)
  foreach(folder engine faults host net sdk sim)
    install(DIRECTORY ${CMAKE_SOURCE_DIR}/${folder} DESTINATION include/perdure
            COMPONENT development FILES_MATCHING PATTERN "*.h")
  endforeach()
  if(EXISTS ${CMAKE_BINARY_DIR}/proto OR TARGET sim_text)  # generated headers
    install(DIRECTORY ${CMAKE_BINARY_DIR}/proto/ DESTINATION include/perdure
            COMPONENT development FILES_MATCHING PATTERN "*.h")
  endif()
  install(TARGETS perdure RUNTIME DESTINATION bin COMPONENT server)
  install(TARGETS perdure-sim RUNTIME DESTINATION bin COMPONENT simulator)
endfunction()
