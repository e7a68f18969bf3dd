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

template <class D>
HWY_INLINE auto wins(D, hn::Vec<D> x, hn::Vec<D> best) {
  return hn::Or(hn::Gt(x, best), hn::AndNot(hn::IsNaN(best), hn::IsNaN(x)));
}

template <class D>
HWY_INLINE void pick_window(D d, const PoolProblem& p, const Window& w, float* y, const float* x,
                            const float* values) {
  auto best = hn::LoadU(d, x + w.first), picked = hn::LoadU(d, values + w.first);
  each_tap(p, w, [&](int64_t at) HWY_ATTR {
    const auto here = hn::LoadU(d, x + at);
    const auto take = wins(d, here, best);
    best = hn::IfThenElse(take, here, best);
    picked = hn::IfThenElse(take, hn::LoadU(d, values + at), picked);
  });
  hn::StoreU(picked, d, y);
}

template <class D>
HWY_INLINE void place_window(D d, const PoolProblem& p, const Window& w, float* dx, const float* x,
                             const float* y) {
  auto best = hn::LoadU(d, x + w.first), index = hn::Zero(d), number = hn::Zero(d);
  const auto one = hn::Set(d, 1.0f);
  each_tap(p, w, [&](int64_t at) HWY_ATTR {
    const auto here = hn::LoadU(d, x + at);
    const auto take = wins(d, here, best);
    number = hn::Add(number, one);
    best = hn::IfThenElse(take, here, best);
    index = hn::IfThenElse(take, number, index);
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

/// Calls visit(d, channel) for whole vectors of channels, then for single ones.
template <class Visit>
HWY_INLINE void each_vector(int64_t channels, const Visit& visit) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t c = 0;
  for (; c + lanes <= channels; c += lanes) visit(d, c);
  for (; c < channels; ++c) visit(hn::CappedTag<float, 1>(), c);
}

void pick_image(const PoolProblem& p, float* y, const float* x, const float* values) {
  for (int64_t oy = 0; oy < p.h.places; ++oy) {
    for (int64_t ox = 0; ox < p.w.places; ++ox, y += p.channels) {
      const Window w = window_at(p, oy, ox);
      each_vector(p.channels, [&](auto d, int64_t c)
                                  HWY_ATTR { pick_window(d, p, w, y + c, x + c, values + c); });
    }
  }
}

void place_image(const PoolProblem& p, float* dx, const float* x, const float* y) {
  std::fill_n(dx, p.h.size * p.w.size * p.channels, 0.0f);
  for (int64_t oy = 0; oy < p.h.places; ++oy) {
    for (int64_t ox = 0; ox < p.w.places; ++ox, y += p.channels) {
      const Window w = window_at(p, oy, ox);
      each_vector(p.channels,
                  [&](auto d, int64_t c) HWY_ATTR { place_window(d, p, w, dx + c, x + c, y + c); });
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace latent::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace latent::kernels {

namespace {

HWY_EXPORT(pick_image);
HWY_EXPORT(place_image);

/// Images are dealt to parts by the elements that they hold.
Call by_images(const char* name, const PoolProblem& p) {
  Call call;
  const int64_t image = p.h.size * p.w.size * p.channels;
  call.kernel = std::string(name) + " " + std::to_string(p.h.taps) + "x" + std::to_string(p.w.taps);
  call.parts = parts_for(p.n * image, 65536, p.n);
  return call;
}

}  // namespace

Call bind_pool_pick(const PoolProblem& p) {
  Call call = by_images("max pool", p);
  call.run = [p, parts = call.parts](int part, void* const* operands, std::byte*, const RunState&) {
    const int64_t in = p.h.size * p.w.size * p.channels, out = p.h.places * p.w.places * p.channels;
    for (int64_t n = p.n * part / parts; n < p.n * (part + 1) / parts; ++n) {
      HWY_DYNAMIC_DISPATCH(pick_image)
      (p, static_cast<float*>(operands[0]) + n * out,
       static_cast<const float*>(operands[1]) + n * in,
       static_cast<const float*>(operands[2]) + n * in);
    }
  };
  return call;
}

Call bind_pool_place(const PoolProblem& p) {
  Call call = by_images("max pool gradient", p);
  call.run = [p, parts = call.parts](int part, void* const* operands, std::byte*, const RunState&) {
    const int64_t in = p.h.size * p.w.size * p.channels, out = p.h.places * p.w.places * p.channels;
    for (int64_t n = p.n * part / parts; n < p.n * (part + 1) / parts; ++n) {
      HWY_DYNAMIC_DISPATCH(place_image)
      (p, static_cast<float*>(operands[0]) + n * in,
       static_cast<const float*>(operands[1]) + n * in,
       static_cast<const float*>(operands[2]) + n * out);
    }
  };
  return call;
}

}  // namespace latent::kernels
#endif
