# LIBXSMM as Debian ships it: two static libraries. Defines LIBXSMM::xsmm.
find_path(LIBXSMM_INCLUDE_DIR libxsmm.h)
find_library(LIBXSMM_LIBRARY NAMES libxsmm.a)
find_library(LIBXSMM_NOBLAS_LIBRARY NAMES libxsmmnoblas.a)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LIBXSMM REQUIRED_VARS LIBXSMM_LIBRARY LIBXSMM_NOBLAS_LIBRARY LIBXSMM_INCLUDE_DIR)
if(LIBXSMM_FOUND AND NOT TARGET LIBXSMM::xsmm)
  find_package(Threads REQUIRED)
  add_library(LIBXSMM::xsmm INTERFACE IMPORTED)
  set_target_properties(LIBXSMM::xsmm PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${LIBXSMM_INCLUDE_DIR}"
    INTERFACE_LINK_LIBRARIES "${LIBXSMM_LIBRARY};${LIBXSMM_NOBLAS_LIBRARY};Threads::Threads;${CMAKE_DL_LIBS}")
endif()
