// The named kernels; see named.h. Compiled for every vector target by Highway and chosen once at
// run time.
#include "kernels/named.h"

#include <cstddef>

#ifndef LATENT_NAMED_OPERANDS
#define LATENT_NAMED_OPERANDS
namespace latent::kernels {
namespace {

/// Adam on one parameter (Kingma and Ba 2015), as src/optim writes it:
/// m' = b1 m + (1-b1) g, v' = b2 v + (1-b2) g^2, w' = w - a m' / (sqrt(v') c + eps).
/// Operands: m', v', w', then in the order of the program's inputs; `order` maps roles to operands.
struct AdamOperands {
  float *m_new, *v_new, *w_new;
  const float *m, *g, *v, *w;
  float a, c, b1, one_b1, b2, one_b2, eps;
};

}  // namespace
}  // namespace latent::kernels
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/named.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace latent::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class D>
HWY_INLINE void adam_at(D d, const AdamOperands& o, size_t i) {
  const auto g = hn::LoadU(d, o.g + i);
  const auto m =
      hn::Add(hn::Mul(hn::Set(d, o.b1), hn::LoadU(d, o.m + i)), hn::Mul(hn::Set(d, o.one_b1), g));
  const auto v = hn::Add(hn::Mul(hn::Set(d, o.b2), hn::LoadU(d, o.v + i)),
                         hn::Mul(hn::Set(d, o.one_b2), hn::Mul(g, g)));
  const auto w = hn::LoadU(d, o.w + i);
  const auto down = hn::Add(hn::Mul(hn::Sqrt(v), hn::Set(d, o.c)), hn::Set(d, o.eps));
  hn::StoreU(m, d, o.m_new + i);
  hn::StoreU(v, d, o.v_new + i);
  hn::StoreU(hn::Sub(w, hn::Div(hn::Mul(hn::Set(d, o.a), m), down)), d, o.w_new + i);
}

void adam(const AdamOperands& o, size_t begin, size_t end) {
  const hn::ScalableTag<float> d;
  const size_t lanes = hn::Lanes(d);
  size_t i = begin;
  for (; i + 2 * lanes <= end; i += 2 * lanes) {
    adam_at(d, o, i);
    adam_at(d, o, i + lanes);
  }
  for (; i + lanes <= end; i += lanes) adam_at(d, o, i);
  const hn::CappedTag<float, 1> one;
  for (; i < end; ++i) adam_at(one, o, i);
}

}  // namespace latent::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace latent::kernels {
HWY_EXPORT(adam);

namespace {

/// Operands of the chain below: m', v', w'; then g, m, v, c, a, w. Constants: 1-b1, b1, 1-b2, b2,
/// eps.
void run_adam(void* const* p, const float* k, int64_t begin, int64_t end) {
  const auto in = [&](int i) { return static_cast<const float*>(p[i]); };
  const AdamOperands o{static_cast<float*>(p[0]),
                       static_cast<float*>(p[1]),
                       static_cast<float*>(p[2]),
                       in(4),
                       in(3),
                       in(5),
                       in(8),
                       *in(7),
                       *in(6),
                       k[1],
                       k[0],
                       k[3],
                       k[2],
                       k[4]};
  HWY_DYNAMIC_DISPATCH(adam)(o, static_cast<size_t>(begin), static_cast<size_t>(end));
}

constexpr NamedKernel kNamed[] = {
    {"adam",
     "fffssf:5 mul,6,0 mul,7,1 add,12,11 square,0 mul,8,14 mul,9,2 add,16,15 sqrt,17 mul,18,3 "
     "add,19,10 mul,4,13 div,21,20 "
     "sub,5,22 =13 =17 =23",
     run_adam},
};

}  // namespace

const NamedKernel* find_named(std::string_view program) {
  for (const NamedKernel& k : kNamed) {
    if (k.program == program) return &k;
  }
  return nullptr;
}

}  // namespace latent::kernels
#endif
