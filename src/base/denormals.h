// Arithmetic on numbers below 2^-126, which Intel CPUs do a hundred times slower. Moments of units
// that never fire decay into them and, rounded to the nearest, stay there: the Adam of a small net
// then takes four times as long. While a plan runs they count as zero, in every thread alike.
#pragma once

#include <cstdint>

namespace latent {

/// In the thread where it lives, denormal operands and results of float32 and float64 arithmetic
/// are zero; afterwards all is as before.
class DenormalsAreZero {
 public:
  DenormalsAreZero() : before_(control()) {
#if defined(__x86_64__)
    set_control(before_ | 0x8040);  // MXCSR: flush to zero, denormals are zero
#elif defined(__aarch64__)
    set_control(before_ | uint64_t{1} << 24);  // FPCR: flush to zero
#endif
  }
  ~DenormalsAreZero() { set_control(before_); }
  DenormalsAreZero(const DenormalsAreZero&) = delete;
  DenormalsAreZero& operator=(const DenormalsAreZero&) = delete;

 private:
  static uint64_t control() {
#if defined(__x86_64__)
    return __builtin_ia32_stmxcsr();
#elif defined(__aarch64__)
    uint64_t value = 0;
    asm volatile("mrs %0, fpcr" : "=r"(value));
    return value;
#else
    return 0;
#endif
  }
  static void set_control(uint64_t value) {
#if defined(__x86_64__)
    __builtin_ia32_ldmxcsr(static_cast<uint32_t>(value));
#elif defined(__aarch64__)
    asm volatile("msr fpcr, %0" : : "r"(value));
#endif
  }

  uint64_t before_;
};

}  // namespace latent
