// Max pooling; see pool.h. A window is worked on for a vector of channels at a time.
#include "kernels/pool.h"

#include <algorithm>
#include <string>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pool.cc"
#include "hwy/foreach_target.h"
// foreach_target must come before this.
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace latent::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// The taps of a window that lie in the picture, and where the first of them is.
struct Window {
  int64_t rows, cols, first;  // first: offset of its element of channel 0 in the image
};

Window window_at(const PoolProblem& p, int64_t oy, int64_t ox) {
  const int64_t y = oy * p.h.stride - p.h.before, x = ox * p.w.stride - p.w.before;
  const int64_t y0 = std::max<int64_t>(0, y), x0 = std::max<int64_t>(0, x);
  return {std::min(p.h.size, y + p.h.taps) - y0, std::min(p.w.size, x + p.w.taps) - x0,
          (y0 * p.w.size + x0) * p.channels};
}

/// Calls visit(offset) for each tap but the first, in row-major order.
template <class Visit>
HWY_INLINE void each_tap(const PoolProblem& p, const Window& w, const Visit& visit) {
  for (int64_t r = 0; r < w.rows; ++r) {
    for (int64_t c = r ? 0 : 1; c < w.cols; ++c) visit(w.first + (r * p.w.size + c) * p.channels);
  }
}

/// Looks for the largest element of a window, the first of equals; a NaN is larger than all. Calls
/// take(larger, offset) for each tap but the first: the lanes in which it exceeds those before it.
template <class D, class Take>
HWY_INLINE void find_largest(D d, const PoolProblem& p, const Window& w, const float* x,
                             const Take& take) {
  auto best = hn::LoadU(d, x + w.first);
  each_tap(p, w, [&](int64_t at) HWY_ATTR {
    const auto here = hn::LoadU(d, x + at);
    const auto larger = hn::Or(hn::Gt(here, best), hn::AndNot(hn::IsNaN(best), hn::IsNaN(here)));
    best = hn::IfThenElse(larger, here, best);
    take(larger, at);
  });
}

template <class D>
HWY_INLINE void pick_window(D d, const PoolProblem& p, const Window& w, float* y, const float* x,
                            const float* values) {
  auto picked = hn::LoadU(d, values + w.first);
  find_largest(d, p, w, x, [&](auto larger, int64_t at) HWY_ATTR {
    picked = hn::IfThenElse(larger, hn::LoadU(d, values + at), picked);
  });
  hn::StoreU(picked, d, y);
}

template <class D>
HWY_INLINE void place_window(D d, const PoolProblem& p, const Window& w, float* dx, const float* x,
                             const float* y) {
  auto index = hn::Zero(d), number = hn::Zero(d);
  const auto one = hn::Set(d, 1.0f);
  find_largest(d, p, w, x, [&](auto larger, int64_t) HWY_ATTR {
    number = hn::Add(number, one);
    index = hn::IfThenElse(larger, number, index);
  });
  const auto value = hn::LoadU(d, y);
  const auto put = [&](int64_t at) HWY_ATTR {
    const auto here = hn::IfThenElseZero(hn::Eq(index, number), value);
    hn::StoreU(hn::Add(hn::LoadU(d, dx + at), here), d, dx + at);
  };
  number = hn::Zero(d);
  put(w.first);
  each_tap(p, w, [&](int64_t at) HWY_ATTR {
    number = hn::Add(number, one);
    put(at);
  });
}

/// Calls visit(d, window, channel, place) for whole vectors of channels, then for single ones, of
/// each window; `place` is the offset of its result.
template <class Visit>
HWY_INLINE void each_window(const PoolProblem& p, const Visit& visit) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t place = 0;
  for (int64_t oy = 0; oy < p.h.places; ++oy) {
    for (int64_t ox = 0; ox < p.w.places; ++ox, place += p.channels) {
      const Window w = window_at(p, oy, ox);
      int64_t c = 0;
      for (; c + lanes <= p.channels; c += lanes) visit(d, w, c, place + c);
      for (; c < p.channels; ++c) visit(hn::CappedTag<float, 1>(), w, c, place + c);
    }
  }
}

void pick_image(const PoolProblem& p, float* y, const float* x, const float* values) {
  each_window(p, [&](auto d, const Window& w, int64_t c, int64_t place)
                     HWY_ATTR { pick_window(d, p, w, y + place, x + c, values + c); });
}

void place_image(const PoolProblem& p, float* dx, const float* x, const float* y) {
  std::fill_n(dx, p.x_image(), 0.0f);
  each_window(p, [&](auto d, const Window& w, int64_t c, int64_t place)
                     HWY_ATTR { place_window(d, p, w, dx + c, x + c, y + place); });
}

}  // namespace HWY_NAMESPACE
}  // namespace latent::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace latent::kernels {

namespace {

HWY_EXPORT(pick_image);
HWY_EXPORT(place_image);

/// Runs `image` on operands {result, x, values}, whose images have so many elements. Images are
/// dealt to parts by the elements that they hold.
Call by_images(const char* name, const PoolProblem& p, int64_t result, int64_t values,
               void (*image)(const PoolProblem&, float*, const float*, const float*)) {
  Call call;
  call.kernel = std::string(name) + " " + std::to_string(p.h.taps) + "x" + std::to_string(p.w.taps);
  call.parts = parts_for(p.n * p.x_image(), 65536, p.n);
  call.run = [=, parts = call.parts](int part, void* const* operands, std::byte*, const RunState&) {
    for (int64_t n = p.n * part / parts; n < p.n * (part + 1) / parts; ++n) {
      image(p, static_cast<float*>(operands[0]) + n * result,
            static_cast<const float*>(operands[1]) + n * p.x_image(),
            static_cast<const float*>(operands[2]) + n * values);
    }
  };
  return call;
}

}  // namespace

// Dispatched in each call: a pointer taken before the first dispatch of the process would ask for
// the CPU's targets again at every image.
Call bind_pool_pick(const PoolProblem& p) {
  return by_images("max pool", p, p.y_image(), p.x_image(),
                   [](const PoolProblem& q, float* y, const float* x, const float* values) {
                     HWY_DYNAMIC_DISPATCH(pick_image)(q, y, x, values);
                   });
}

Call bind_pool_place(const PoolProblem& p) {
  return by_images("max pool gradient", p, p.x_image(), p.y_image(),
                   [](const PoolProblem& q, float* dx, const float* x, const float* dy) {
                     HWY_DYNAMIC_DISPATCH(place_image)(q, dx, x, dy);
                   });
}

}  // namespace latent::kernels
#endif
