# Every header compiles alone. Where the source of the same name includes it first, compiling that
# proves it; for each other header there is a source that includes nothing else.
#
# The target is part of the build by default, so that a header which leans on its includers breaks
# the build of whoever wrote it. Its objects are thrown away. Of the standard library's headers a
# test tells what is missing (tests/tidy/include_rules.py), as these come precompiled.

# Sets `result` to whether the header's own source includes it first, as of this configuration.
function(timber_header_comes_first header result)
    set(${result} OFF PARENT_SCOPE)
    string(REGEX REPLACE "[.]h$" ".cc" source ${PROJECT_SOURCE_DIR}/${header})
    if(EXISTS ${source})
        file(STRINGS ${source} first REGEX "^#include" LIMIT_COUNT 1)
        if(first STREQUAL "#include \"${header}\"")
            set(${result} ON PARENT_SCOPE)
        endif()
    endif()
endfunction()

function(timber_headers_alone)
    set(patterns "")
    foreach(folder IN ITEMS src logengine memtable raft tests/support benches/frame)
        if(folder STREQUAL "benches/frame" AND NOT TIMBER_BENCHES)
            continue()
        endif()
        list(APPEND patterns ${PROJECT_SOURCE_DIR}/${folder}/*.h)
    endforeach()
    file(GLOB_RECURSE headers RELATIVE ${PROJECT_SOURCE_DIR} CONFIGURE_DEPENDS ${patterns})
    set(sources "")
    foreach(header IN LISTS headers)
        timber_header_comes_first(${header} proven)
        if(proven)
            continue()
        endif()
        string(REPLACE "/" "." name ${header})
        set(source ${CMAKE_BINARY_DIR}/headers_alone/${name}.cc)
        file(CONFIGURE OUTPUT ${source} CONTENT "#include \"${header}\"\n")
        list(APPEND sources ${source})
    endforeach()
    add_library(headers_alone OBJECT ${sources})
    target_link_libraries(headers_alone PRIVATE timber_options)
    timber_precompiled(headers_alone timber_std_precompiled)
endfunction()
