# How rooms, programs and tests become targets.  The map itself is CMakeLists.txt.

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

# Include roots by -iquote: our net/ must not be found by <net/if.h>.
add_compile_options(-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -iquote ${CMAKE_SOURCE_DIR})
add_compile_options(-Wno-missing-field-initializers)  # designated initialisers leave defaults out
add_compile_options(-Wno-restrict)  # g++ 12 sees overlaps in std::string that are not there (GCC bug 105651)
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g")
set(CMAKE_CXX_FLAGS_SANITIZE "-O1 -g1")
set(PERDURE_SANITIZE "" CACHE STRING "address,undefined or thread")
if(PERDURE_SANITIZE)
  add_compile_options(-fsanitize=${PERDURE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_compile_options(-Wno-maybe-uninitialized)  # g++ 12 sees it in moved variants once they are instrumented
  add_link_options(-fsanitize=${PERDURE_SANITIZE})
endif()
add_link_options(-Wl,-z,now)  # lazy binding would run on fibers' small stacks

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(GTest REQUIRED)
find_package(Threads REQUIRED)
find_package(benchmark REQUIRED)
find_package(rapidcheck REQUIRED)
find_package(Protobuf REQUIRED)
set(LIB_xxhash "")  # header only
set(LIB_crypto crypto)
set(LIB_ssl ssl crypto)
set(LIB_nghttp2 nghttp2)
set(LIB_http_parser http_parser)
set(LIB_rocksdb rocksdb)
set(LIB_json "")  # nlohmann-json, header only
set(LIB_context boost_context)
set(LIB_fmt fmt::fmt)
set(LIB_spdlog spdlog::spdlog)
set(LIB_cli11 CLI11::CLI11)
set(LIB_tomlplusplus "")  # header only

# proto(sim_text sim/scenario.proto): a library of the generated code, for USES.  Of the
# simulator only; its headers are a system's, so that our warnings leave them alone.
function(proto name file)
  set(out ${CMAKE_BINARY_DIR}/proto)
  get_filename_component(folder ${file} DIRECTORY)
  get_filename_component(stem ${file} NAME_WE)
  set(generated ${out}/${folder}/${stem}.pb.cc ${out}/${folder}/${stem}.pb.h)
  add_custom_command(OUTPUT ${generated}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${out}
    COMMAND protobuf::protoc --cpp_out=${out} -I${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/${file}
    DEPENDS ${CMAKE_SOURCE_DIR}/${file})
  add_library(${name} STATIC ${generated})
  target_compile_options(${name} PRIVATE -w)
  target_include_directories(${name} SYSTEM PUBLIC ${out})
  target_link_libraries(${name} PUBLIC protobuf::libprotobuf)
  set(LIB_${name} ${name} PARENT_SCOPE)
endfunction()

# texts(sim/scenario_texts.cpp FOLDER scenarios): the texts of a folder as a C++ file, so
# that the program has them wherever it is.  See cmake/texts.cmake.
function(texts out folder)
  file(GLOB_RECURSE files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.txtpb)
  add_custom_command(OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DFOLDER=${CMAKE_SOURCE_DIR}/${folder} -DOUT=${out}
            -P ${CMAKE_SOURCE_DIR}/cmake/texts.cmake
    DEPENDS ${files} ${CMAKE_SOURCE_DIR}/cmake/texts.cmake)
endfunction()

# A room: its .cpp files (main.cpp is a program's) and those of its sub-folders that are
# no rooms themselves.
function(room path)
  cmake_parse_arguments(ROOM "" "" "ON;USES" ${ARGN})
  string(REPLACE "/" "_" name ${path})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${path}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  file(STRINGS ${CMAKE_SOURCE_DIR}/CMakeLists.txt inner_rooms REGEX "^room\\(${path}/")
  foreach(inner ${inner_rooms})
    string(REGEX REPLACE "^room\\(([^ )]+).*" "\\1" inner ${inner})
    list(FILTER sources EXCLUDE REGEX "^${CMAKE_SOURCE_DIR}/${inner}/")
  endforeach()
  if(sources)
    add_library(${name} STATIC ${sources})
    set(scope PUBLIC)
    if(path MATCHES "^engine/")
      set_property(GLOBAL APPEND PROPERTY PERDURE_ENGINE_ARCHIVES $<TARGET_FILE:${name}>)
    endif()
  else()
    add_library(${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  foreach(below ${ROOM_ON})
    string(REPLACE "/" "_" below ${below})
    target_link_libraries(${name} ${scope} ${below})
  endforeach()
  foreach(library ${ROOM_USES})
    if(NOT DEFINED LIB_${library})
      message(FATAL_ERROR "room ${path}: no library is called ${library}")
    endif()
    target_link_libraries(${name} ${scope} ${LIB_${library}})
  endforeach()
endfunction()

function(program name main)
  cmake_parse_arguments(PROGRAM "" "" "ON" ${ARGN})
  if(NOT EXISTS ${CMAKE_SOURCE_DIR}/${main})
    return()
  endif()
  add_executable(${name} ${CMAKE_SOURCE_DIR}/${main})
  foreach(room ${PROGRAM_ON})
    string(REPLACE "/" "_" room ${room})
    target_link_libraries(${name} PRIVATE ${room})
  endforeach()
  target_link_libraries(${name} PRIVATE Threads::Threads)
endfunction()

# mimalloc instead of the C library's malloc: a fifth less CPU for an invocation.
function(allocator name)
  if(NOT PERDURE_SANITIZE)
    target_link_libraries(${name} PRIVATE mimalloc)
  endif()
endfunction()

# tests(tests/engine/log ON engine/log): the *_test.cpp files of the folder become one
# GoogleTest program; each *_script.cpp one driver, and each .txt in the folder of the
# driver's name (sequencer_script.cpp: sequencer/*.txt) a test of its own.
function(tests folder)
  cmake_parse_arguments(TESTS "" "" "ON" ${ARGN})
  string(REGEX REPLACE "[/]" "_" name ${folder})
  set(rooms "")
  foreach(room tests/support ${TESTS_ON})
    string(REPLACE "/" "_" room ${room})
    list(APPEND rooms ${room})
  endforeach()
  file(GLOB unit CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*_test.cpp)
  if(unit)
    add_executable(${name} ${unit})
    target_link_libraries(${name} PRIVATE ${rooms} GTest::gtest_main rapidcheck Threads::Threads)
    gtest_discover_tests(${name} TEST_PREFIX ${folder}/ DISCOVERY_MODE PRE_TEST
                         WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} PROPERTIES TIMEOUT 300)
  endif()
  file(GLOB drivers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*_script.cpp)
  foreach(driver ${drivers})
    get_filename_component(stem ${driver} NAME_WE)
    string(REGEX REPLACE "_script$" "" scripts_folder ${stem})
    add_executable(${name}_${stem} ${driver})
    target_link_libraries(${name}_${stem} PRIVATE ${rooms})
    file(GLOB scripts CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}
         ${CMAKE_SOURCE_DIR}/${folder}/${scripts_folder}/*.txt)
    foreach(script ${scripts})
      add_test(NAME ${script} COMMAND ${name}_${stem} ${CMAKE_SOURCE_DIR}/${script})
    endforeach()
  endforeach()
endfunction()

include(GoogleTest)
enable_testing()
