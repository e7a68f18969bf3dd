// Arithmetic on numbers below 2^-126, which Intel CPUs do a hundred times slower. Moments of units
// that never fire decay into them and, rounded to the nearest, stay there: the Adam of a small net
// then takes four times as long. While a plan runs they count as zero, in every thread alike.
#pragma once

namespace latent {

/// In the thread where it lives, denormal operands and results of float32 and float64 arithmetic
/// are zero; afterwards all is as before. Elsewhere than on x86 it does nothing.
class DenormalsAreZero {
 public:
#if defined(__x86_64__)
  DenormalsAreZero() : before_(__builtin_ia32_stmxcsr()) {
    __builtin_ia32_ldmxcsr(before_ | 0x8040);  // MXCSR: flush to zero, denormals are zero
  }
  ~DenormalsAreZero() { __builtin_ia32_ldmxcsr(before_); }
#else
  DenormalsAreZero() = default;
  ~DenormalsAreZero() {}
#endif
  DenormalsAreZero(const DenormalsAreZero&) = delete;
  DenormalsAreZero& operator=(const DenormalsAreZero&) = delete;

 private:
  unsigned before_ = 0;
};

}  // namespace latent
