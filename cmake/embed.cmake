# merganser_embed(sources header FUNCTION file)
# Appends a generated source to the list `sources`: it defines the function,
# which the header declares, to give the bytes of the file.
function(merganser_embed sources header function file)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/${function}.cc)
  set(script ${PROJECT_SOURCE_DIR}/cmake/embed_file.cmake)
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DFILE=${file} -DHEADER=${header} -DFUNCTION=${function}
      -DOUTPUT=${output} -P ${script}
    DEPENDS ${file} ${script}
    COMMENT "Embedding ${file}" VERBATIM)
  set(${sources} ${${sources}} ${output} PARENT_SCOPE)
endfunction()
