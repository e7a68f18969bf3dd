// See preview.h.
#include "train/preview.h"

#include "train/options.h"

namespace latent {

namespace {

Preprocessing checked(const Architecture& a, const Data& data, const TrainOptions& o) {
  check_request(a, data, o);
  return choose_preprocessing(data.dataset(), o.scaling, trained_rows(data, o));
}

}  // namespace

Preview::Preview(const Architecture& a, const Data& data, const TrainOptions& o)
    : preprocessing_(checked(a, data, o)), loop_(a, preprocessing_, data.dataset(), o, nullptr) {}

}  // namespace latent
