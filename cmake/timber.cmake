# How every target of ours is built.
#
# timber_library(NAME SOURCES ... USES ... LINKS ...) makes two static libraries of the same
# sources: `NAME` for products and benches, and `NAME_checked` for tests, compiled with slow checks
# and with planted mistakes switchable (src/base/mistake.h). USES names libraries of ours and maps
# to the same variant; LINKS names foreign ones. Both are private: whoever needs another library
# says so.
# timber_test(NAME SOURCES ... USES ... LINKS ...) is a GoogleTest program on checked libraries.
# timber_program(NAME ...) is a program on product libraries, timber_checked_program(NAME ...) one
# on checked libraries that ctest does not run by itself.

find_package(Threads REQUIRED)

add_library(timber_options INTERFACE)
target_compile_options(timber_options INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Werror)
target_include_directories(timber_options INTERFACE ${PROJECT_SOURCE_DIR})
target_link_libraries(timber_options INTERFACE Threads::Threads)
if(TIMBER_SANITIZE)
    target_compile_options(timber_options INTERFACE -fsanitize=${TIMBER_SANITIZE}
                           -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(timber_options INTERFACE -fsanitize=${TIMBER_SANITIZE})
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    target_compile_options(timber_options INTERFACE -Wthread-safety -Werror=thread-safety)
endif()

function(timber_target target suffix)
    cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "SOURCES;USES;LINKS")
    target_sources(${target} PRIVATE ${arg_SOURCES})
    target_link_libraries(${target} PRIVATE timber_options)
    foreach(used IN LISTS arg_USES)
        target_link_libraries(${target} PRIVATE ${used}${suffix})
    endforeach()
    target_link_libraries(${target} PRIVATE ${arg_LINKS})
    if(suffix STREQUAL "_checked")
        target_compile_definitions(${target} PRIVATE TIMBER_WITH_MISTAKES TIMBER_SLOW_CHECKS)
    endif()
endfunction()

function(timber_library name)
    add_library(${name} STATIC)
    timber_target(${name} "" ${ARGN})
    if(TIMBER_TESTS OR TIMBER_FUZZERS)
        add_library(${name}_checked STATIC)
        timber_target(${name}_checked "_checked" ${ARGN})
    endif()
endfunction()

function(timber_program name)
    add_executable(${name})
    timber_target(${name} "" ${ARGN})
endfunction()

function(timber_checked_program name)
    add_executable(${name})
    timber_target(${name} "_checked" ${ARGN})
endfunction()

function(timber_test name)
    add_executable(${name})
    timber_target(${name} "_checked" ${ARGN})
    target_link_libraries(${name} PRIVATE GTest::gtest GTest::gtest_main)
    add_test(NAME ${name} COMMAND ${name})
endfunction()
