# libsndfile and libsamplerate, for which Debian ships no CMake files. Defines SndFile::sndfile and SampleRate::samplerate.
find_path(SNDFILE_INCLUDE_DIR sndfile.h)
find_library(SNDFILE_LIBRARY NAMES sndfile)
find_path(SAMPLERATE_INCLUDE_DIR samplerate.h)
find_library(SAMPLERATE_LIBRARY NAMES samplerate)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(SoundLibraries
  REQUIRED_VARS SNDFILE_LIBRARY SNDFILE_INCLUDE_DIR SAMPLERATE_LIBRARY SAMPLERATE_INCLUDE_DIR)
if(SoundLibraries_FOUND AND NOT TARGET SndFile::sndfile)
  add_library(SndFile::sndfile UNKNOWN IMPORTED)
  set_target_properties(SndFile::sndfile PROPERTIES
    IMPORTED_LOCATION "${SNDFILE_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${SNDFILE_INCLUDE_DIR}")
  add_library(SampleRate::samplerate UNKNOWN IMPORTED)
  set_target_properties(SampleRate::samplerate PROPERTIES
    IMPORTED_LOCATION "${SAMPLERATE_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${SAMPLERATE_INCLUDE_DIR}")
endif()
