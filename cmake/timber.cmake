# How every target of ours is built, and under which label its tests run.
#
# Libraries and programs:
#   timber_library(NAME SOURCES ... USES ... LINKS ...) makes two static libraries of the same
#       sources: `NAME` for products and benches, and `NAME_checked` for tests, compiled with slow
#       checks and with planted mistakes switchable (src/base/mistake.h). USES names libraries of
#       ours and maps to the same variant; LINKS names foreign ones. Both are private: whoever needs
#       another library says so.
#   timber_checked_library(NAME ...) makes the second alone: what only tests use.
#   timber_program(NAME ...) is a program on product libraries, timber_checked_program(NAME ...) one
#       on checked libraries that ctest does not run by itself.
#
# Tests (all on checked libraries, built into <build>/tests; `...` is SOURCES, USES and LINKS):
#   timber_test(NAME ... [THREADS]) is a GoogleTest program.
#       Label unit; with THREADS, for tests that start threads, tsan as well.
#   timber_script_test(NAME COMMAND ...) runs a command that needs no build of its own.
#       Label unit; not in sanitizers' builds, where it would say the same again.
#   timber_explorer(NAME ... QUICK "<args>" FULL "<args>" [SANITIZED "<args>"] [MISTAKES "<args>"]
#                   [CLUSTER "<args>"])
#       is a simulator or crash explorer with a budget for each occasion.
#       Labels quick, full, sanitized, mistakes and cluster.
#   timber_process_test(NAME ... SHORT "<args>" TORTURE "<args>" [HOSTILE "<args>"]) plays with
#       real processes, one such test at a time. Where the machine allows it no such game, it prints
#       "SKIPPED: " and why. Labels process-short and torture; server in sanitizers' builds, where
#       the servers are programs on checked libraries.
#   timber_fuzzer(NAME ... [SECONDS n]) is a libFuzzer target (LLVMFuzzerTestOneInput) with
#       its corpus in tests/fuzz/corpus/NAME. With TIMBER_FUZZERS it fuzzes n seconds, label fuzz;
#       without, it replays the corpus, label unit.
#   timber_bench(NAME ...) is a bench on product libraries and the bench frame, built into
#       <build>/benches. Label bench: one run with tiny input.
#
# scripts/test says which labels belong to which stage, and builds a stage in a sanitizer's build
# through the target stage_<label>.

find_package(Threads REQUIRED)
if(TIMBER_TESTS)
    find_package(GTest REQUIRED)
endif()
if(TIMBER_TESTS AND NOT TIMBER_SANITIZE)
    find_package(mimalloc REQUIRED)
endif()

add_library(timber_options INTERFACE)
target_compile_options(timber_options INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Werror
                       -Wno-missing-field-initializers)
target_include_directories(timber_options INTERFACE ${PROJECT_SOURCE_DIR})
target_link_libraries(timber_options INTERFACE Threads::Threads)
if(TIMBER_SANITIZE)
    target_compile_options(timber_options INTERFACE -fsanitize=${TIMBER_SANITIZE}
                           -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(timber_options INTERFACE -fsanitize=${TIMBER_SANITIZE})
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    # The stable sorts of g++ 12's standard library use what C++20 deprecates.
    target_compile_options(timber_options INTERFACE -Wthread-safety -Werror=thread-safety
                           -Wno-deprecated-declarations)
endif()

# What a label's tests may take each; a whole stage's limit is scripts/test's.
set(TIMBER_TEST_SECONDS_MAX 480)

# What the test of planted mistakes looks into.
set_property(GLOBAL PROPERTY TIMBER_PRODUCTS "")
set_property(GLOBAL PROPERTY TIMBER_CHECKED "")

# Sets `result` to what is to be compiled of a target's sources: files that include eight of them
# each, since sources together share what templates cost. Unlike CMake's own they hold no absolute
# path, so every clone finds them in the compiler's cache. What two sources of a target have for
# themselves needs two names. A source with properties of its own, set before its target, stays
# alone.
function(timber_unity result target)
    set(alone "")
    set(together "")
    foreach(source IN LISTS ARGN)
        get_source_file_property(definitions ${source} COMPILE_DEFINITIONS)
        get_source_file_property(options ${source} COMPILE_OPTIONS)
        if(source MATCHES "^/" OR NOT source MATCHES "[.]cc$" OR definitions OR options)
            list(APPEND alone ${source})
        else()
            list(APPEND together ${source})
        endif()
    endforeach()
    file(RELATIVE_PATH folder ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
    list(LENGTH together count)
    if(count EQUAL 1)
        list(APPEND alone ${together})
        set(count 0)
    endif()
    set(first 0)
    while(first LESS count)
        list(SUBLIST together ${first} 8 batch)
        list(TRANSFORM batch REPLACE "(.+)" "#include \"${folder}/\\1\"\n")
        string(CONCAT content ${batch})
        set(unity ${CMAKE_CURRENT_BINARY_DIR}/${target}_from_${first}.cc)
        file(CONFIGURE OUTPUT ${unity} CONTENT "${content}")
        list(APPEND alone ${unity})
        math(EXPR first "${first} + 8")
    endwhile()
    set(${result} ${alone} PARENT_SCOPE)
endfunction()

function(timber_target target suffix)
    cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "SOURCES;USES;LINKS")
    if(arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "${target}: unknown arguments ${arg_UNPARSED_ARGUMENTS}")
    endif()
    # Products are compiled source by source, which shows of many headers that they stand alone.
    file(RELATIVE_PATH folder ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
    if(TIMBER_UNITY AND (suffix STREQUAL "_checked" OR folder MATCHES "^benches"))
        timber_unity(arg_SOURCES ${target} ${arg_SOURCES})
        if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
            # Tests' sources have types of their own inside types of their own, which g++ mistrusts
            # in a source that another includes.
            target_compile_options(${target} PRIVATE -Wno-subobject-linkage)
        endif()
    endif()
    target_sources(${target} PRIVATE ${arg_SOURCES})
    target_link_libraries(${target} PRIVATE timber_options)
    foreach(used IN LISTS arg_USES)
        target_link_libraries(${target} PRIVATE ${used}${suffix})
    endforeach()
    target_link_libraries(${target} PRIVATE ${arg_LINKS})
    timber_precompiled(${target} timber_std_precompiled${suffix})
    if(suffix STREQUAL "_checked")
        target_compile_definitions(${target} PRIVATE TIMBER_WITH_MISTAKES TIMBER_SLOW_CHECKS)
        target_compile_options(${target} PRIVATE ${TIMBER_CHECKED_FLAGS})
        set_property(GLOBAL APPEND PROPERTY TIMBER_CHECKED ${target})
    else()
        set_property(GLOBAL APPEND PROPERTY TIMBER_PRODUCTS ${target})
    endif()
endfunction()

# The standard library's headers, read once: reading them is more than half of all compilation. No
# compiler misses an include of them then, so a test does: tests/tidy/include_rules.py, which lists
# the same headers.
function(timber_precompiled target headers)
    if(TIMBER_PRECOMPILED)
        set_target_properties(${target} PROPERTIES PRECOMPILE_HEADERS_REUSE_FROM ${headers})
    endif()
endfunction()

function(timber_precompile headers)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "HEADERS;LINKS;FLAGS")
    # Something must be compiled, or the headers are not.
    file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/precompiled/${headers}.cc CONTENT "")
    add_library(${headers} OBJECT ${CMAKE_BINARY_DIR}/precompiled/${headers}.cc)
    target_link_libraries(${headers} PRIVATE timber_options ${arg_LINKS})
    target_compile_options(${headers} PRIVATE ${arg_FLAGS})
    target_precompile_headers(${headers} PRIVATE ${arg_HEADERS})
endfunction()

if(TIMBER_PRECOMPILED)
    set(TIMBER_STD_HEADERS <algorithm> <array> <atomic> <bit> <cstdint> <cstdio> <cstdlib> <cstring>
                           <deque> <expected> <functional> <limits> <map> <memory> <mutex>
                           <optional> <set> <span> <string> <string_view> <tuple> <utility>
                           <variant> <vector>)
    timber_precompile(timber_std_precompiled HEADERS ${TIMBER_STD_HEADERS})
    if(TIMBER_TESTS)
        timber_precompile(timber_std_precompiled_checked HEADERS ${TIMBER_STD_HEADERS}
                          FLAGS ${TIMBER_CHECKED_FLAGS})
        timber_precompile(timber_gtest_precompiled HEADERS ${TIMBER_STD_HEADERS} <gtest/gtest.h>
                          LINKS GTest::gtest FLAGS ${TIMBER_CHECKED_FLAGS})
    endif()
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        # g++ 12 mistrusts its own strings once they come precompiled. The sanitizers' builds do
        # without, and keep these warnings.
        target_compile_options(timber_options INTERFACE -Wno-array-bounds -Wno-stringop-overflow
                               -Wno-stringop-overread)
    endif()
endif()

function(timber_library name)
    add_library(${name} STATIC)
    timber_target(${name} "" ${ARGN})
    if(TIMBER_TESTS OR TIMBER_FUZZERS)
        timber_checked_library(${name} ${ARGN})
        # Built there for its warnings, also where no fuzzer uses it.
        if(NOT name MATCHES "^timber_(storage|raftstore|rpc|client|server)$")
            timber_stage(fuzz ${name}_checked)
        endif()
    endif()
endfunction()

function(timber_checked_library name)
    add_library(${name}_checked STATIC)
    timber_target(${name}_checked "_checked" ${ARGN})
    # Where most of a test's time goes is worth more of the compiler's.
    target_compile_options(${name}_checked PRIVATE ${TIMBER_LIBRARY_FLAGS})
endfunction()

function(timber_program name)
    add_executable(${name})
    timber_target(${name} "" ${ARGN})
endfunction()

function(timber_checked_program name)
    add_executable(${name})
    timber_target(${name} "_checked" ${ARGN})
    set_target_properties(${name} PROPERTIES
                          RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
endfunction()

# The target stage_<label> builds `target`.
function(timber_stage label target)
    if(NOT TARGET stage_${label})
        add_custom_target(stage_${label})
    endif()
    add_dependencies(stage_${label} ${target})
endfunction()

# In sanitizers' builds the tests of what stands above the three libraries are a stage of their own,
# `server`: their compilation has no minutes in the others.
function(timber_sanitized_label variable label target)
    get_target_property(libraries ${target} LINK_LIBRARIES)
    if(TIMBER_SANITIZE AND label MATCHES "^(unit|sanitized|fuzz)$" AND
       libraries MATCHES "timber_(storage|raftstore|rpc|client|server)_checked")
        set(label server)
    endif()
    set(${variable} ${label} PARENT_SCOPE)
endfunction()

# One test of `target` under one label, with arguments as a shell would split them.
function(timber_add_test test label target arguments)
    timber_sanitized_label(label ${label} ${target})
    separate_arguments(arguments UNIX_COMMAND "${arguments}")
    add_test(NAME ${test} COMMAND ${target} ${arguments})
    set_tests_properties(${test} PROPERTIES LABELS ${label} TIMEOUT ${TIMBER_TEST_SECONDS_MAX}
                         SKIP_REGULAR_EXPRESSION "SKIPPED: ")
    timber_stage(${label} ${target})
endfunction()

function(timber_test name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "THREADS" "" "")
    timber_checked_program(${name} ${arg_UNPARSED_ARGUMENTS})
    target_link_libraries(${name} PRIVATE GTest::gtest GTest::gtest_main)
    timber_precompiled(${name} timber_gtest_precompiled)
    timber_add_test(${name} unit ${name} "")
    if(arg_THREADS)
        set_property(TEST ${name} APPEND PROPERTY LABELS tsan)
        timber_stage(tsan ${name})
    endif()
endfunction()

function(timber_script_test name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "COMMAND")
    if(TIMBER_SANITIZE)
        return()
    endif()
    add_test(NAME ${name} COMMAND ${arg_COMMAND})
    set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT ${TIMBER_TEST_SECONDS_MAX}
                         WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
                         ENVIRONMENT PYTHONDONTWRITEBYTECODE=1)
endfunction()

function(timber_explorer name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "QUICK;FULL;SANITIZED;MISTAKES;CLUSTER" "")
    timber_checked_program(${name} ${arg_UNPARSED_ARGUMENTS})
    if(NOT TIMBER_SANITIZE)
        # A quarter of their time goes into small allocations of one thread.
        target_link_libraries(${name} PRIVATE mimalloc)
    endif()
    foreach(budget IN ITEMS QUICK FULL SANITIZED MISTAKES CLUSTER)
        if(DEFINED arg_${budget})
            string(TOLOWER ${budget} label)
            timber_add_test(${name}.${label} ${label} ${name} "${arg_${budget}}")
            # These take longest: begun first, so that no core ends up waiting for the other.
            set_tests_properties(${name}.${label} PROPERTIES COST 100)
        endif()
    endforeach()
endfunction()

function(timber_process_test name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "SHORT;TORTURE;HOSTILE" "")
    timber_checked_program(${name} ${arg_UNPARSED_ARGUMENTS})
    if(TIMBER_SANITIZE AND DEFINED arg_HOSTILE)
        timber_add_test(${name}.hostile server ${name} "${arg_HOSTILE}")
        set_tests_properties(${name}.hostile PROPERTIES RESOURCE_LOCK processes)
    endif()
    timber_add_test(${name}.short process-short ${name} "${arg_SHORT}")
    timber_add_test(${name}.torture torture ${name} "${arg_TORTURE}")
    set_tests_properties(${name}.short ${name}.torture PROPERTIES RESOURCE_LOCK processes)
endfunction()

function(timber_fuzzer name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "SECONDS" "")
    set(corpus ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name})
    timber_checked_program(${name} ${arg_UNPARSED_ARGUMENTS})
    if(NOT TIMBER_FUZZERS)
        target_link_libraries(${name} PRIVATE timber_fuzz_replay_checked)
        timber_add_test(${name}.corpus unit ${name} ${corpus})
        return()
    endif()
    if(NOT DEFINED arg_SECONDS)
        # Few, since there are many: a look that the corpus still does what it did. Long searches
        # are for whoever changes a decoder.
        set(arg_SECONDS 3)
    endif()
    # What the fuzzer finds goes to the first directory; the corpus proper is only read.
    set(found ${CMAKE_BINARY_DIR}/tests/found/${name})
    file(MAKE_DIRECTORY ${found})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    timber_add_test(${name}.fuzz fuzz ${name}
                    "-max_total_time=${arg_SECONDS} -timeout=20 -rss_limit_mb=2048 \
                     -print_final_stats=1 -artifact_prefix=${found}/ ${found} ${corpus}")
endfunction()

function(timber_bench name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;USES;LINKS")
    timber_program(${name} SOURCES ${arg_SOURCES} USES timber_bench_frame ${arg_USES}
                   LINKS ${arg_LINKS})
    set_target_properties(${name} PROPERTIES
                          RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/benches)
    if(TIMBER_TESTS)
        add_test(NAME ${name}.tiny
                 COMMAND python3 ${PROJECT_SOURCE_DIR}/tests/benches/bench_smoke.py
                         $<TARGET_FILE:${name}>)
        set_tests_properties(${name}.tiny PROPERTIES LABELS bench
                             TIMEOUT ${TIMBER_TEST_SECONDS_MAX} RESOURCE_LOCK benches)
        timber_stage(bench ${name})
    endif()
endfunction()

# Call it once, after all targets are known: a test that no product holds a trace of a planted
# mistake, and that the checked builds do (so that looking finds something at all).
function(timber_test_mistake_traces)
    get_property(products GLOBAL PROPERTY TIMBER_PRODUCTS)
    get_property(checked GLOBAL PROPERTY TIMBER_CHECKED)
    set(product_files "")
    foreach(target IN LISTS products)
        list(APPEND product_files $<TARGET_FILE:${target}>)
    endforeach()
    set(checked_files "")
    foreach(target IN LISTS checked)
        list(APPEND checked_files $<TARGET_FILE:${target}>)
    endforeach()
    file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/tests/product_files.txt
         CONTENT "$<JOIN:${product_files},\n>\n")
    file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/tests/checked_files.txt
         CONTENT "$<JOIN:${checked_files},\n>\n")
    timber_script_test(mistake_traces
        COMMAND python3 tests/tidy/mistake_traces.py src/base/mistake_list.h
                --products ${CMAKE_BINARY_DIR}/tests/product_files.txt
                --checked ${CMAKE_BINARY_DIR}/tests/checked_files.txt)
endfunction()
