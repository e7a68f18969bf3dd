// Pictures as content: a file, a folder, a list or an archive of PNG, JPEG and PNM files becomes
// rows of bytes of one size, decoded by all threads and kept in the cache.
#pragma once

#include "data/content.h"

namespace latent {

/// The kind "pictures", for the table of kinds.
ContentKind pictures_kind();

}  // namespace latent
