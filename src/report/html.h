// Pieces of a self-contained page: escaped text, pictures as data URIs, and the page around a body
// with its style for screens wide and narrow, light and dark, and for paper.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "report/grid.h"

namespace latent::report {

/// Text that can stand between tags and in quoted attributes: & < > " ' are escaped, bytes that are
/// no UTF-8 and control characters become U+FFFD. For all that comes from outside: names of files
/// and columns, labels.
std::string escape(std::string_view text);
/// At most `most` bytes (no character is cut), .. for what is left out.
std::string shortened(const std::string& text, size_t most);
/// RFC 4648, with padding.
std::string base64(std::string_view bytes);

/// An img element of the picture, no wider than the page.
std::string image(const Picture& picture, const std::string& alt);

/// Cells are HTML already; `head` may be empty. Scrolls sideways where the page is narrow.
std::string table(const std::vector<std::string>& head,
                  const std::vector<std::vector<std::string>>& rows);

/// A whole document of the language en. `body` is HTML.
std::string page(const std::string& title, const std::string& body);

}  // namespace latent::report
